"""Tensors that a file holds in half of the bits: those of proxies, where the manifest's `proxy_dtype` is F16. Whoever
reads or writes the file has them in float32."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nettailor.bundle.manifest import Manifest
from nettailor.bundle.safetensors_file import AnyArray
from nettailor.bundle.tensors.paths import PROXIES
from nettailor.errors import BundleTensorInvalid


def halved(values: AnyArray) -> NDArray[np.float16]:
    """Rounded to 16 bits; what is too large for them becomes infinite."""
    with np.errstate(over="ignore"):
        return values.astype(np.float16)


def narrowed(manifest: Manifest, tensors: Mapping[str, AnyArray]) -> Mapping[str, AnyArray]:
    """As the file holds them. Raises `BundleTensorInvalid` where 16 bits cannot hold a value."""
    if manifest.proxy_dtype == "F32":
        return tensors
    result = dict(tensors)
    for name in _of_proxies(tensors):
        result[name] = halved(tensors[name])
        if not np.isfinite(result[name]).all():
            raise BundleTensorInvalid(name, "holds a value that is too large for F16")
    return result


def widened(manifest: Manifest, tensors: Mapping[str, AnyArray]) -> Mapping[str, AnyArray]:
    """As they are used, read-only. Raises `BundleTensorInvalid` where the file has another type than the manifest
    says."""
    found: dict[str, AnyArray] = dict(tensors)
    wanted: np.dtype[Any] = np.dtype(np.float32 if manifest.proxy_dtype == "F32" else np.float16)
    for name, tensor in tensors.items():
        halves = name.startswith(PROXIES) and wanted == np.float16
        if (tensor.dtype == np.float16) != halves:
            raise BundleTensorInvalid(name, f"dtype is {tensor.dtype}, must be {wanted if halves else 'float32'}")
        if halves:
            found[name] = tensor.astype(np.float32)
            found[name].flags.writeable = False
    return found


def _of_proxies(tensors: Mapping[str, AnyArray]) -> list[str]:
    return [name for name in tensors if name.startswith(PROXIES)]
