"""All tensors of a bundle: which ones there are, and whether those of a file are sound.

Each kind has a file of its own here. Beside them every bundle has the classifier: head.weight (K, C_L), head.bias (K,).
"""

import math
from collections.abc import Mapping

import numpy as np

from nettailor.architecture.geometry import Geometry, geometry
from nettailor.bundle.manifest import Manifest, adapters_of
from nettailor.bundle.safetensors_file import AnyArray, FloatArray
from nettailor.bundle.tensors.adapters import adapter_shapes
from nettailor.bundle.tensors.masks import check_mask, mask_shapes, masked_weights
from nettailor.bundle.tensors.network import network_shapes
from nettailor.bundle.tensors.owned import check_owned, owned_shapes
from nettailor.bundle.tensors.paths import check_alphas, path_shapes
from nettailor.bundle.tensors.ranges import check_ranges, range_shapes
from nettailor.bundle.tensors.statistics import statistics_shapes
from nettailor.errors import BackboneUnknown, BundleManifestInvalid, BundleTensorInvalid

Shape = tuple[int, ...]


def tensor_shapes(manifest: Manifest) -> dict[str, Shape]:
    """Name and shape of every tensor a bundle of this manifest holds, no more and no fewer.

    Raises `BundleManifestInvalid` if the backbone is unknown or the plan is of another depth.
    """
    shape_of, plan = _geometry_of(manifest), manifest.plan
    if manifest.is_whole:
        shapes = network_shapes(shape_of)
    else:
        shapes = path_shapes(shape_of, plan)
        if manifest.statistics == "task":
            shapes |= statistics_shapes(shape_of, plan)
        if (adapters := adapters_of(manifest.method)) is not None:
            shapes |= adapter_shapes(shape_of, plan, adapters)
        if manifest.is_masked:
            shapes |= mask_shapes(shape_of)
        if manifest.activation_ranges:
            shapes |= range_shapes(shape_of, plan)
        if manifest.owned is not None:
            shapes |= owned_shapes(shape_of, manifest.owned)
    classes = len(manifest.classes)
    return shapes | {"head.weight": (classes, shape_of.channels[-1]), "head.bias": (classes,)}


def check_tensors(manifest: Manifest, tensors: Mapping[str, AnyArray]) -> None:
    """Raises `BundleTensorInvalid` unless these are the tensors that the manifest calls for, all of sound values."""
    shapes, masked = tensor_shapes(manifest), masked_weights(_geometry_of(manifest))
    for name in sorted(tensors.keys() ^ shapes.keys()):
        raise BundleTensorInvalid(name, "missing" if name in shapes else "surplus: the plan does not call for it")
    for name in sorted(tensors):
        tensor, dtype = tensors[name], np.dtype(np.uint8 if name in masked else np.float32)
        if tensor.dtype != dtype:
            raise BundleTensorInvalid(name, f"dtype is {tensor.dtype}, must be {dtype}")
        if tensor.shape != shapes[name]:
            raise BundleTensorInvalid(name, f"shape is {tensor.shape}, must be {shapes[name]}")
        if name in masked:
            check_mask(name, tensor, math.prod(masked[name]))
        else:
            _check_values(name, tensor)
    if manifest.owned is not None:
        check_owned(tensors, manifest.owned)


def _geometry_of(manifest: Manifest) -> Geometry:
    try:
        shape_of = geometry(manifest.backbone.id)
    except BackboneUnknown as error:
        raise BundleManifestInvalid("manifest.backbone.id", str(error)) from error
    if manifest.plan.depth != shape_of.depth:
        reason = f"{manifest.plan.depth} blocks, {shape_of.name} has {shape_of.depth}"
        raise BundleManifestInvalid("manifest.plan", reason)
    return shape_of


def _check_values(name: str, tensor: FloatArray) -> None:
    if not np.isfinite(tensor).all():
        raise BundleTensorInvalid(name, "holds NaN or infinity")
    if name.endswith("var") and tensor.min() < 0:
        raise BundleTensorInvalid(name, "holds a negative variance")
    check_alphas(name, tensor)
    check_ranges(name, tensor)
