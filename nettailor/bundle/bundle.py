"""A bundle: what one version of a task adds to a backbone, as one safetensors file (numpy only)."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import ValidationError

from nettailor.bundle.manifest import Manifest
from nettailor.bundle.safetensors_file import (
    DEFAULT_LIMITS,
    AnyArray,
    BundleLimits,
    FloatArray,
    canonical_json,
    parse,
    serialise,
    strict_json,
)
from nettailor.bundle.tensors.half import narrowed, widened
from nettailor.bundle.tensors.tensors import check_tensors
from nettailor.errors import BundleManifestInvalid, BundleWrongBackbone, PlanInvalid

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
]

_MANIFEST = "manifest"  # the one key of the header's metadata


@dataclass(frozen=True, kw_only=True, eq=False)
class Bundle:
    """A decoded bundle; `tensors` are read-only, by name: float32, masks uint8. They are views of the bytes, but for
    those that a file holds in 16 bits."""

    manifest: Manifest
    tensors: Mapping[str, AnyArray]
    digest: str  # "sha256:<hex>" of the file
    size_bytes: int
    chain: tuple["Bundle", ...] = ()  # that it stands on, the first of the chain first, once `chain.linked` read them


def digest_of(data: bytes) -> str:
    """`sha256:<hex>` of the bytes."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def encode(manifest: Manifest, tensors: Mapping[str, AnyArray]) -> bytes:
    """The canonical bytes of a bundle: equal input, equal bytes.

    Raises `BundleManifestInvalid` and `BundleTensorInvalid` as `decode` does.
    """
    check_tensors(manifest, tensors)
    return serialise({_MANIFEST: manifest_json(manifest)}, narrowed(manifest, tensors))


def decode(data: bytes, *, limits: BundleLimits = DEFAULT_LIMITS) -> Bundle:
    """Read a bundle from bytes that nobody vouches for. Raises a subclass of `BundleInvalid`."""
    container = parse(data, limits, dtypes=("F32", "F16", "U8"))
    if set(container.metadata) != {_MANIFEST}:
        raise BundleManifestInvalid("header.__metadata__", f"must hold exactly one key, {_MANIFEST!r}")
    manifest = parse_manifest(container.metadata[_MANIFEST])
    tensors = widened(manifest, container.tensors)
    check_tensors(manifest, tensors)
    return Bundle(manifest=manifest, tensors=tensors, digest=digest_of(data), size_bytes=len(data))


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
