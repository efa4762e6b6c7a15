"""Files with more than 8 bits a sample, or signed ones, as ordinary 8-bit images."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

from nettailor.bundle.preprocessing import ValueRange
from nettailor.errors import ImageInvalid
from nettailor.images.containers import Opened
from nettailor.images.value_range import FULL, Span, own_range, span_of, to_bytes

_COLOURS_OF_16_BITS = ("RGB;16", "RGBX;16", "RGBA;16")  # Pillow's words for how they lie in the file; it keeps 8
# Of such colours Pillow keeps the upper bytes; told the other byte order it keeps the lower ones.
_UPSIDE_DOWN = {"L": "B", "B": "L", "N": "B" if sys.byteorder == "little" else "L"}
_GREY_AND_ALPHA = "LA;16B"
# What libtiff has unpacked is in the machine's byte order, not in the file's.
_SIGNED = (("I;16BS", "I;16S"), ("I;32BS", "I;32S"))
_IN_MACHINE_ORDER = {a if sys.byteorder == "little" else b: b if sys.byteorder == "little" else a for a, b in _SIGNED}


@dataclass(frozen=True, kw_only=True, eq=False)
class Samples:
    """Integers of up to 32 bits: `colours` (H, W) or (H, W, 3); `alpha` (H, W) where there is one."""

    colours: NDArray[Any]
    alpha: NDArray[Any] | None = None


def is_wide(opened: Opened) -> bool:
    """Whether 8 bits do not hold the file's samples. Decodes nothing."""
    layout = _layout(opened.image)
    return (
        opened.image.mode.startswith("I")
        or opened.signed_bytes
        or layout == _GREY_AND_ALPHA
        or layout.startswith(_COLOURS_OF_16_BITS)
        or _is_colour_of_16_bits(opened)
    )


def narrowed(opened: Opened, wanted: ValueRange | None) -> tuple[Image.Image, Span | None]:
    """The image with 8 bits a sample, scaled by what the file states, else by the `wanted` range, else by its own.

    With it what the samples lie between where the file does not state what that means.
    """
    if not is_wide(opened):
        _refuse_dim_alpha(opened)
        return _ordinary(opened), None
    if _layout(opened.image).startswith(_COLOURS_OF_16_BITS) or _is_colour_of_16_bits(opened):
        upper = _colours(opened, opened.image)
        if _upper_bytes_suffice(upper, opened, wanted):
            least, greatest = span_of(upper[..., :3])
            return opened.image, (256 * least, 256 * greatest + 255)
        samples = _joined(upper, _colours(opened, opened.reopen(), upside_down=True))
    else:
        samples = _integers(opened)
    samples = _keyed(samples, opened.image.info.get("transparency"))
    span = span_of(samples.colours)
    stated = _stated(opened, samples, span)
    image = _image(samples, stated or wanted or own_range(span), white_is_zero=opened.white_is_zero)
    return image, None if stated else span


def _refuse_dim_alpha(opened: Opened) -> None:
    """Colours multiplied by alpha cannot be told from their upper bytes where the 16 bits are not all in use."""
    if not _layout(opened.image).startswith("RGBa;16"):
        return
    opaque = 256 * int(np.asarray(opened.image)[..., 3].max())
    if own_range((0, opaque)) != FULL:
        raise ImageInvalid("its colours are multiplied by a transparency of fewer than 16 bits; save it with 8 bits")


def _ordinary(opened: Opened) -> Image.Image:
    if not opened.planes:
        return opened.image
    return Image.merge("RGBA" if len(opened.planes) == 4 else "RGB", opened.planes)


def _layout(image: ImageFile.ImageFile) -> str:
    """Pillow's word for how the samples lie in the file."""
    arguments = image.tile[0].args if image.tile else ""
    return str(arguments[0] if isinstance(arguments, tuple) and arguments else arguments)


def _is_colour_of_16_bits(opened: Opened) -> bool:
    """Of a PPM file, whose layout does not tell."""
    image = opened.image
    is_scaled_down = image.mode == "RGB" and bool(image.tile) and image.tile[0].codec_name == "ppm"
    return opened.container == "PPM" and opened.stated is None and is_scaled_down


def _colours(opened: Opened, image: ImageFile.ImageFile, *, upside_down: bool = False) -> NDArray[np.uint8]:
    """The upper bytes of colours of 16 bits, or the lower ones: (H, W, 3), or 4 with alpha."""
    if opened.container == "PPM":
        image.tile = [image.tile[0]._replace(codec_name="raw", args=("RGB;16B", 0, 1))]
    if upside_down:
        _lay_out(image, lambda layout: layout[:-1] + _UPSIDE_DOWN[layout[-1]])
    return np.asarray(image)


def _lay_out(image: ImageFile.ImageFile, change: Callable[[str], str]) -> None:
    for index, tile in enumerate(image.tile):
        arguments = tile.args
        if isinstance(arguments, tuple):
            image.tile[index] = tile._replace(args=(change(str(arguments[0])), *arguments[1:]))
        else:
            image.tile[index] = tile._replace(args=change(str(arguments)))


def _upper_bytes_suffice(upper: NDArray[np.uint8], opened: Opened, wanted: ValueRange | None) -> bool:
    """Whether the range is that of 16 bits, whatever the lower bytes are: then there is no second decoding."""
    says_nothing = opened.stated is None and opened.significant_bits in (None, 16)
    brightest = int(upper[..., :3].max())
    needs_all_bits = own_range((0, 256 * brightest)) == FULL if wanted is None else wanted == FULL
    return says_nothing and needs_all_bits and "transparency" not in opened.image.info


def _joined(upper: NDArray[np.uint8], lower: NDArray[np.uint8]) -> Samples:
    both = upper.astype(np.uint16) << 8 | lower
    return Samples(colours=both[..., :3], alpha=both[..., 3] if both.shape[2] == 4 else None)


def _integers(opened: Opened) -> Samples:
    image = opened.image
    if opened.planes:
        planes = [np.asarray(plane) for plane in opened.planes]
        return Samples(colours=np.stack(planes[:3], axis=-1), alpha=planes[3] if len(planes) == 4 else None)
    if _layout(image) == _GREY_AND_ALPHA:
        _lay_out(image, lambda _: "RGBA")  # four bytes a pixel as they lie there
        upper_and_lower = np.asarray(image).astype(np.uint16)
        both = upper_and_lower[..., ::2] << 8 | upper_and_lower[..., 1::2]
        return Samples(colours=both[..., 0], alpha=both[..., 1])
    if image.tile and image.tile[0].codec_name == "libtiff":
        _lay_out(image, lambda layout: _IN_MACHINE_ORDER.get(layout, layout))
    is_unsigned = _layout(image) == "I;32N"  # which Pillow reads as signed
    found = np.asarray(image)
    if opened.signed_bytes:
        return Samples(colours=found.view(np.int8))
    return Samples(colours=found.view(np.uint32) if is_unsigned else found)


def _keyed(samples: Samples, key: object) -> Samples:
    """With the one colour transparent that the file names."""
    if not isinstance(key, int | tuple) or samples.alpha is not None:
        return samples
    same = samples.colours == np.array(key)
    if same.shape != samples.colours.shape:
        return samples
    hidden = same.all(-1) if same.ndim == 3 else same
    return Samples(colours=samples.colours, alpha=np.where(hidden, 0, FULL[1]))


def _stated(opened: Opened, samples: Samples, span: Span) -> ValueRange | None:
    """What the file says is black and white, if what it holds does not contradict it."""
    least, greatest = span
    if opened.stated is not None:
        return opened.stated if opened.stated[0] <= least and greatest <= opened.stated[1] else None
    if opened.significant_bits is not None and 0 < opened.significant_bits < 16:
        return _significant(samples.colours, greatest, opened.significant_bits)
    return None


def _significant(colours: NDArray[Any], greatest: int, bits: int) -> ValueRange:
    """PNG wants significant bits to be the upper ones. Some encoders leave them where they were, in the lower ones; a
    dark picture of the other kind has nothing in the bits below the significant ones."""
    white = 2**bits - 1
    is_low = greatest <= white and bool((colours & (2 ** (16 - bits) - 1)).any())
    return (0, white) if is_low else FULL


def _image(samples: Samples, value_range: ValueRange, *, white_is_zero: bool) -> Image.Image:
    levels = to_bytes(samples.colours, value_range)
    if white_is_zero:
        levels = 255 - levels
    if samples.alpha is None:
        return Image.fromarray(levels)
    alpha = to_bytes(samples.alpha, own_range(span_of(samples.alpha)))
    return Image.fromarray(np.dstack([levels, alpha]))
