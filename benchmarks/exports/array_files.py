"""Samples as the arrays of numbers that people save them as."""

import io
import struct
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image

from benchmarks.exports.samples import Sample

Array = npt.NDArray[np.generic]
_IDX_KINDS = {"|u1": 0x08, "|i1": 0x09, ">i2": 0x0B, ">i4": 0x0C, ">f4": 0x0D, ">f8": 0x0E}


def pixels(found: Sequence[Sample], mode: str = "RGB") -> npt.NDArray[np.uint8]:
    """(N, H, W, C), or (N, H, W) for the mode L."""
    return np.stack([np.asarray(Image.open(io.BytesIO(sample.data)).convert(mode)) for sample in found])


def numbers(found: Sequence[Sample]) -> npt.NDArray[np.uint8]:
    """The classes of the samples by their numbers."""
    return np.array([sample.classes.index(sample.label) for sample in found], np.uint8)


def npy(array: Array) -> bytes:
    target = io.BytesIO()
    np.save(target, array)
    return target.getvalue()


def npz(arrays: Mapping[str, Array], *, compressed: bool = False) -> bytes:
    target = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(target, **arrays)  # type: ignore[arg-type]  # any name may be one
    return target.getvalue()


def idx(array: Array) -> bytes:
    head = struct.pack(">BBBB", 0, 0, _IDX_KINDS[array.dtype.str], array.ndim)
    return head + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()
