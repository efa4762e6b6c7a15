"""Arrays whose numbers are images: which dimension is what, and how the numbers become 8 bits.

N: images, H: rows, W: columns, C: channels.
"""

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import prod

import numpy as np
import numpy.typing as npt
from PIL import Image

from trainer.intake.archives.limits import IntakeLimits
from trainer.intake.archives.tar import Stream
from trainer.intake.arrays.header import ArrayHeader, ArrayUnreadable
from trainer.intake.arrays.streams import read_exactly

_CHANNELS = frozenset({1, 3, 4})
_LEAST_SIDE = 8  # scikit-learn's digits; smaller tables of numbers are no images
_MOST = 255.0
_DIGITS = 6  # of a name
_SIXTEEN = 16.0  # scikit-learn's digits count to 16
_EXACT = 0.2  # steps of 8 bits: half precision is off by less, and rounding puts it right


@dataclass(frozen=True, kw_only=True)
class Extent:
    """The least and the largest number of some arrays, and whether all are whole numbers, or 255ths of 1."""

    least: float
    most: float
    are_whole: bool
    are_255ths: bool

    def __or__(self, other: "Extent") -> "Extent":
        return Extent(
            least=min(self.least, other.least),
            most=max(self.most, other.most),
            are_whole=self.are_whole and other.are_whole,
            are_255ths=self.are_255ths and other.are_255ths,
        )


@dataclass(frozen=True, kw_only=True)
class Scale:
    """Numbers become (number - zero) x factor, rounded; ``note`` says so where it is not what anybody expects."""

    zero: float
    factor: float
    note: str = ""
    # whether those who predict must know
    is_odd: bool = False


@dataclass(frozen=True, kw_only=True)
class ImageArray:
    """An array of shape (N, H, W), (N, H, W, C) or, with ``is_planar``, (N, C, H, W)."""

    header: ArrayHeader
    height: int
    width: int
    channels: int
    is_planar: bool

    @property
    def count(self) -> int:
        return self.header.shape[0]

    def check(self, limits: IntakeLimits, file_bytes: int) -> None:
        """By what the header claims, before anything is read. Raises ArrayUnreadable."""
        size_bytes = self.header.size_bytes
        if self.count > limits.members:
            raise ArrayUnreadable(f"it holds {self.count} images, the limit is {limits.members} files")
        if self.height * self.width > limits.image_pixels:
            size = f"{self.width} x {self.height} pixels"
            raise ArrayUnreadable(f"its images have {size}, the limit is {limits.image_pixels}")
        if size_bytes > limits.image_bytes * self.count:
            raise ArrayUnreadable(f"its images take more than {limits.image_bytes} bytes each")
        if size_bytes > limits.unpacked_bytes:
            raise ArrayUnreadable(f"it holds {size_bytes} bytes, the limit is {limits.unpacked_bytes}")
        if self.header.offset + size_bytes > file_bytes:
            raise ArrayUnreadable("it ends too early")

    def extent(self, stream: Stream) -> Extent:
        """The stream stands at the first number. Raises ArrayUnreadable."""
        return joint(_extent(numbers) for numbers in self._each(stream))

    def pngs(self, stream: Stream, scale: Scale) -> Iterator[bytes]:
        """One image after the other; memory is that of one. Raises ArrayUnreadable."""
        is_ready = self.header.dtype == np.uint8 and (scale.zero, scale.factor) == (0, 1)
        for numbers in self._each(stream):
            if is_ready:
                yield png(numbers.astype(np.uint8, copy=False))
                continue
            scaled = (numbers.astype(np.float64) - scale.zero) * scale.factor
            yield png(np.clip(np.rint(scaled), 0, 255).astype(np.uint8))

    def _each(self, stream: Stream) -> Iterator[npt.NDArray[np.generic]]:
        """(H, W) or (H, W, C)"""
        shape = self.header.shape[1:]
        size_bytes = prod(shape) * self.header.dtype.itemsize
        for _ in range(self.count):
            numbers = np.frombuffer(read_exactly(stream, size_bytes), self.header.dtype).reshape(shape)
            if self.is_planar:
                numbers = np.moveaxis(numbers, 0, -1)
            yield numbers[..., 0] if self.channels == 1 and numbers.ndim == 3 else numbers


def image_name(number: int) -> str:
    """Of the image at that place of its array; names sort as the numbers do."""
    return f"{number:0{_DIGITS}d}.png"


def image_array(header: ArrayHeader) -> ImageArray | None:
    """None for an array that holds no images, or only one."""
    shape = header.shape
    if header.dtype.kind not in "biuf" or len(shape) not in {3, 4} or shape[0] < 1:
        return None
    is_planar = len(shape) == 4 and shape[3] not in _CHANNELS
    channels = 1 if len(shape) == 3 else shape[1] if is_planar else shape[3]
    height, width = shape[2:] if is_planar else shape[1:3]
    is_one_image = len(shape) == 3 and shape[0] in _CHANNELS
    if channels not in _CHANNELS or min(height, width) < _LEAST_SIDE or is_one_image:
        return None
    return ImageArray(header=header, height=height, width=width, channels=channels, is_planar=is_planar)


def scale_of(extent: Extent) -> Scale:
    """How to read numbers of this extent as light. Raises ArrayUnreadable where that would be a guess."""
    least, most = extent.least, extent.most
    if least >= 0 and extent.are_whole and 1 < most <= _MOST:
        return _whole(most)
    if least >= 0 and most <= 1:
        note = "" if extent.are_255ths or extent.are_whole else "they are rounded to 8 bits"
        return Scale(zero=0, factor=_MOST, note=note)
    if -1 <= least < 0 and most <= 1:
        return Scale(zero=-1, factor=_MOST / 2, note="its numbers from -1 to 1 are read as black to white")
    if least >= 0 and most <= _MOST:
        return Scale(zero=0, factor=1, note="its fractions are rounded to 8 bits")
    raise ArrayUnreadable(
        f"its numbers go from {least:g} to {most:g}, which may mean anything. Save 8-bit numbers from 0 to 255, or "
        "fractions from 0 to 1"
    )


def _whole(most: float) -> Scale:
    if most > _SIXTEEN:
        return Scale(zero=0, factor=1)
    note = "its numbers from 0 to 16 are read as black to white: images to predict must be as bright"
    return Scale(zero=0, factor=_MOST / _SIXTEEN, note=note, is_odd=True)


def _extent(numbers: npt.NDArray[np.generic]) -> Extent:
    if numbers.dtype.kind in "bu" and numbers.dtype.itemsize == 1:
        return Extent(least=float(numbers.min()), most=float(numbers.max()), are_whole=True, are_255ths=False)
    values = numbers.astype(np.float64)
    if not np.isfinite(values).all():
        raise ArrayUnreadable("it holds numbers that are not finite (NaN or infinity)")
    steps = values * _MOST
    return Extent(
        least=float(values.min()),
        most=float(values.max()),
        are_whole=bool((values == np.rint(values)).all()),
        are_255ths=bool((np.abs(steps - np.rint(steps)) < _EXACT).all()),
    )


def joint(extents: Iterable[Extent]) -> Extent:
    """Of arrays that belong together: one scale for all."""
    first, *others = extents
    for each in others:
        first |= each
    return first


def png(pixels: npt.NDArray[np.uint8]) -> bytes:
    target = io.BytesIO()
    Image.fromarray(pixels).save(target, "PNG", compress_level=1)
    return target.getvalue()
