"""A bundle: what one version of a task adds to a backbone, as one safetensors file (numpy only).

Tensors, all float32 (l a present node, p the source of a proxy, C channels, M middle channels, K classes):

    proxies.{l}.{p}.conv.weight (C_l, C_p, 1, 1), .norm.{weight,bias,running_mean,running_var} (C_l,)       basic
    proxies.{l}.{p}.conv1.weight (M, C_p, 1, 1), .norm1.* (M,), .conv2.weight (C_l, M, 1, 1), .norm2.* (C_l,)
    alphas.{l} (paths into l,)         softmax values in the order of `plan.inputs(l)`
    head.weight (K, C_L), head.bias (K,)
    statistics.{l}.{norm}.{mean,var}   of the kept blocks, when `manifest.statistics` is "task"
"""

import hashlib
import itertools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from pydantic import ValidationError

from nettailor.architecture.geometry import Geometry, geometry
from nettailor.bundle.manifest import Manifest
from nettailor.bundle.safetensors_file import (
    DEFAULT_LIMITS,
    BundleLimits,
    FloatArray,
    canonical_json,
    parse,
    serialise,
    strict_json,
)
from nettailor.errors import (
    BackboneUnknown,
    BundleManifestInvalid,
    BundleTensorInvalid,
    BundleWrongBackbone,
    PlanInvalid,
)

__all__ = [
    "Bundle",
    "BundleLimits",
    "FloatArray",
    "check_backbone",
    "decode",
    "digest_of",
    "encode",
    "manifest_json",
    "parse_manifest",
    "tensor_shapes",
]

Shape = tuple[int, ...]

_MANIFEST = "manifest"  # the one key of the header's metadata
_ALPHA_SUM_TOLERANCE = 1e-4  # a float32 softmax over a few dozen paths is off by some 1e-6


@dataclass(frozen=True, kw_only=True, eq=False)
class Bundle:
    """A decoded bundle; `tensors` are read-only float32 views of the bytes, by name."""

    manifest: Manifest
    tensors: Mapping[str, FloatArray]
    digest: str  # "sha256:<hex>" of the file
    size_bytes: int


def digest_of(data: bytes) -> str:
    """`sha256:<hex>` of the bytes."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def encode(manifest: Manifest, tensors: Mapping[str, FloatArray]) -> bytes:
    """The canonical bytes of a bundle: equal input, equal bytes.

    Raises `BundleManifestInvalid` and `BundleTensorInvalid` as `decode` does.
    """
    _check_tensors(manifest, tensors)
    return serialise({_MANIFEST: manifest_json(manifest)}, tensors)


def decode(data: bytes, *, limits: BundleLimits = DEFAULT_LIMITS) -> Bundle:
    """Read a bundle from bytes that nobody vouches for. Raises a subclass of `BundleInvalid`."""
    container = parse(data, limits)
    if set(container.metadata) != {_MANIFEST}:
        raise BundleManifestInvalid("header.__metadata__", f"must hold exactly one key, {_MANIFEST!r}")
    manifest = parse_manifest(container.metadata[_MANIFEST])
    _check_tensors(manifest, container.tensors)
    return Bundle(manifest=manifest, tensors=container.tensors, digest=digest_of(data), size_bytes=len(data))


def check_backbone(bundle: Bundle | Manifest, fingerprint: str) -> None:
    """Raises `BundleWrongBackbone` unless the bundle was made for the backbone of this fingerprint."""
    manifest = bundle.manifest if isinstance(bundle, Bundle) else bundle
    if manifest.backbone.fingerprint != fingerprint:
        raise BundleWrongBackbone(fingerprint, manifest.backbone.fingerprint)


def manifest_json(manifest: Manifest) -> str:
    """The manifest's canonical JSON. Raises `BundleManifestInvalid` if its recipe holds what JSON cannot."""
    try:
        return canonical_json(manifest.model_dump(mode="python"))  # mode "json" would make null of NaN
    except (ValueError, TypeError) as error:
        raise BundleManifestInvalid("manifest", str(error)) from error


def parse_manifest(text: str) -> Manifest:
    """Read a manifest strictly: no duplicate keys, no surplus fields, no coercion. Raises `BundleManifestInvalid`."""
    try:
        strict_json(text)
        return Manifest.model_validate_json(text, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in ("manifest", *first["loc"]))
        raise BundleManifestInvalid(where, first["msg"]) from error
    except PlanInvalid as error:
        raise BundleManifestInvalid("manifest.plan", str(error)) from error
    except ValueError as error:
        raise BundleManifestInvalid("manifest", f"not JSON: {error}") from error


def tensor_shapes(manifest: Manifest) -> dict[str, Shape]:
    """Name and shape of every tensor a bundle of this manifest holds, no more and no fewer.

    Raises `BundleManifestInvalid` if the backbone is unknown or the plan is of another depth.
    """
    try:
        shape_of = geometry(manifest.backbone.id)
    except BackboneUnknown as error:
        raise BundleManifestInvalid("manifest.backbone.id", str(error)) from error
    plan = manifest.plan
    if plan.depth != shape_of.depth:
        reason = f"{plan.depth} blocks, {shape_of.name} has {shape_of.depth}"
        raise BundleManifestInvalid("manifest.plan", reason)
    shapes: dict[str, Shape] = {}
    for source, node in plan.proxy_paths():
        shapes |= _proxy_shapes(shape_of, source, node)
    for node in plan.nodes():
        shapes[f"alphas.{node}"] = (len(plan.inputs(node)),)
        if manifest.statistics == "task" and plan.keeps_block(node):
            shapes |= _statistics_shapes(shape_of, node)
    classes = len(manifest.classes)
    return shapes | {"head.weight": (classes, shape_of.channels[-1]), "head.bias": (classes,)}


def _proxy_shapes(shape_of: Geometry, source: int, node: int) -> dict[str, Shape]:
    channels = shape_of.proxy_channels(source, node)
    shapes: dict[str, Shape] = {}
    for index, (c_in, c_out) in enumerate(itertools.pairwise(channels), start=1):
        layer = str(index) if shape_of.bottleneck else ""
        prefix = f"proxies.{node}.{source}"
        shapes[f"{prefix}.conv{layer}.weight"] = (c_out, c_in, 1, 1)
        for part in ("weight", "bias", "running_mean", "running_var"):
            shapes[f"{prefix}.norm{layer}.{part}"] = (c_out,)
    return shapes


def _statistics_shapes(shape_of: Geometry, node: int) -> dict[str, Shape]:
    norms = shape_of.blocks[node - 1].norms
    return {f"statistics.{node}.{norm}.{part}": (norms[norm],) for norm in norms for part in ("mean", "var")}


def _check_tensors(manifest: Manifest, tensors: Mapping[str, FloatArray]) -> None:
    shapes = tensor_shapes(manifest)
    for name in sorted(tensors.keys() ^ shapes.keys()):
        raise BundleTensorInvalid(name, "missing" if name in shapes else "surplus: the plan does not call for it")
    for name in sorted(tensors):
        tensor = tensors[name]
        if tensor.dtype != np.float32:
            raise BundleTensorInvalid(name, f"dtype is {tensor.dtype}, must be float32")
        if tensor.shape != shapes[name]:
            raise BundleTensorInvalid(name, f"shape is {tensor.shape}, must be {shapes[name]}")
        _check_values(name, tensor)


def _check_values(name: str, tensor: FloatArray) -> None:
    if not np.isfinite(tensor).all():
        raise BundleTensorInvalid(name, "holds NaN or infinity")
    if name.endswith("var") and tensor.min() < 0:
        raise BundleTensorInvalid(name, "holds a negative variance")
    if name.startswith("alphas."):
        if tensor.min() <= 0 or tensor.max() > 1:
            raise BundleTensorInvalid(name, "an alpha is not in (0, 1]")
        if abs(float(tensor.sum(dtype=np.float64)) - 1) > _ALPHA_SUM_TOLERANCE:
            raise BundleTensorInvalid(name, "the alphas do not sum to 1")
