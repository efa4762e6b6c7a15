"""From the bytes of a file to a picture."""

import math
import warnings
from dataclasses import dataclass

import numpy as np
from PIL import Image, UnidentifiedImageError

from nettailor.bundle.preprocessing import ValueRange
from nettailor.errors import ImageInvalid, ImageTooLarge
from nettailor.images.colour import to_rgb
from nettailor.images.containers import Opened, container_of, open_image
from nettailor.images.mending import jpeg
from nettailor.images.mending.mend import Mended, mended
from nettailor.images.orientation import is_x_reversed, is_y_reversed, orientation_of, upright, upright_size
from nettailor.images.picture import Picture
from nettailor.images.samples import is_wide, narrowed
from nettailor.images.transparency import on_white
from nettailor.images.value_range import Span

MAX_PIXELS = 40_000_000

# How much larger a reduced image stays than what it is resized to. Two would do for the eye, but a grey level here and
# there already turns close decisions round (docs/log.md). Training takes a view 1.25 times as large from it as well.
_SPARE = 20


@dataclass(frozen=True, kw_only=True)
class _Wanted:
    max_pixels: int
    side: int | None = None
    value_range: ValueRange | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Header:
    """What a file tells before any pixel is decoded."""

    pixels: int
    opened: Opened | None  # good for one decoding; None where the file had to be mended


def decode(
    data: bytes,
    *,
    max_pixels: int = MAX_PIXELS,
    side: int | None = None,
    value_range: ValueRange | None = None,
    header: Header | None = None,
) -> Picture:
    """The image of a file. Whoever has read its `header` saves reading it again, once.

    A JPEG much larger than the `side` its shorter side will be resized to is decoded at a half, a quarter or an eighth
    of its size, in a fraction of the time. `value_range` (of `Preprocessing`) is what samples of more than 8 bits are
    scaled by where the file does not state one. Raises `ImageInvalid` for anything that is not a whole image of a known
    format and, before any pixel is decoded, `ImageTooLarge` for one with more than `max_pixels` pixels. A file whose
    pixels are all there is a whole image, whatever else is wrong with it.
    """
    wanted = _Wanted(max_pixels=max_pixels, side=side, value_range=value_range)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of its own pixel limit and of odd metadata
        try:
            return _picture(data, wanted, None if header is None else header.opened)
        except ImageInvalid:
            raise
        except Exception as failure:  # decoders of foreign bytes raise OSError, SyntaxError, struct.error, ...
            found = _second_try(data, wanted)
            if found is None:
                raise _refusal(data, failure) from failure
            return found


def pixel_count(data: bytes, *, max_pixels: int = MAX_PIXELS) -> int:
    """As `read_header`."""
    return read_header(data, max_pixels=max_pixels).pixels


def read_header(data: bytes, *, max_pixels: int = MAX_PIXELS) -> Header:
    """How many pixels the image of a file has by its header, so that the cost of `decode` is known before it is paid.

    Raises `ImageInvalid` for a file whose header already tells that it is refused, `ImageTooLarge` among them.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            opened = _opened(data, max_pixels)
            return Header(pixels=_area(opened), opened=opened)
        except ImageInvalid:
            raise
        except Exception as failure:  # as in `decode`
            found = _second_count(data, max_pixels)
            if found is None:
                raise _refusal(data, failure) from failure
            return Header(pixels=found, opened=None)


def _second_count(data: bytes, max_pixels: int) -> int | None:
    """That of the file when it was mended, if its header can be read then."""
    try:
        again = mended(data)
        return None if again is None else _area(_opened(again.data, max_pixels))
    except ImageTooLarge:
        raise
    except Exception:  # then what was wrong with the file at first is what is said
        return None


def _area(opened: Opened) -> int:
    width, height = opened.image.size
    return width * height


def value_span(data: bytes, *, max_pixels: int = MAX_PIXELS) -> Span | None:
    """What the samples of a file lie between if they have more than 8 bits and it does not state what that means.

    Other files are not decoded. Raises `ImageInvalid`.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            may_matter = is_wide(_opened(data, max_pixels))
        except ImageInvalid:
            raise
        except Exception:  # as above; whether it can be mended is found by decoding it
            may_matter = True
    return decode(data, max_pixels=max_pixels).span if may_matter else None


def _opened(data: bytes, max_pixels: int) -> Opened:
    pillows = _pillows_limit(at_least=max_pixels)
    try:
        opened = open_image(data)
    except Image.DecompressionBombError as failure:
        raise ImageTooLarge(f"more than {pillows}", max_pixels) from failure
    if _area(opened) > max_pixels:
        width, height = opened.image.size
        raise ImageTooLarge(f"{width} x {height}", max_pixels)
    return opened


def _pillows_limit(at_least: int) -> int:
    """The pixels beyond which Pillow opens no image, so that nobody learns its size; raised where it is below ours."""
    if 2 * (Image.MAX_IMAGE_PIXELS or at_least) < at_least:
        Image.MAX_IMAGE_PIXELS = at_least
    return 2 * (Image.MAX_IMAGE_PIXELS or at_least)


def _picture(data: bytes, wanted: _Wanted, opened: Opened | None = None) -> Picture:
    opened = opened or _opened(data, wanted.max_pixels)
    if opened.container == "JPEG" and jpeg.has_lost_its_end(data):
        raise OSError("its end was lost")
    image = opened.image
    mode, size = image.mode, image.size
    if wanted.side is not None and opened.container == "JPEG":  # HEIC would give a thumbnail
        least = math.ceil(_SPARE * wanted.side)
        image.draft(None, (least, least))
    reduction = round(size[0] / image.width)
    narrow, span = narrowed(opened, wanted.value_range)
    colours, profile = to_rgb(narrow, image.info.get("icc_profile"))
    shown, vanishes = on_white(colours, alpha_may_be_unused=opened.container == "BMP")
    orientation = orientation_of(image)
    pixels, (width, height) = upright(shown, orientation), upright_size(size, orientation)
    left = pixels.width - width / reduction if is_x_reversed(orientation) else 0.0
    top = pixels.height - height / reduction if is_y_reversed(orientation) else 0.0
    return Picture(
        pixels=pixels,
        size=(width, height),
        mode=mode,
        reduction=reduction,
        origin=(left, top),
        profile=profile,
        vanishes=vanishes,
        span=span,
    )


def _second_try(data: bytes, wanted: _Wanted) -> Picture | None:
    """The picture of the file when it was mended, if it is a whole one."""
    try:
        again = mended(data)
        if again is None:
            return None
        picture = _picture(again.data, wanted)
        return picture if _is_whole(again, wanted.max_pixels) else None
    except ImageTooLarge:
        raise
    except Exception:  # then what was wrong with the file at first is what is said
        return None


def _is_whole(again: Mended, max_pixels: int) -> bool:
    """Whether the pixels are the same however the file goes on."""
    whole = _Wanted(max_pixels=max_pixels)
    if not again.other_endings:
        return True
    expected = np.asarray(_picture(again.data, whole).pixels)
    return all(np.array_equal(np.asarray(_picture(data, whole).pixels), expected) for data in again.other_endings)


def _refusal(data: bytes, failure: Exception) -> ImageInvalid:
    if isinstance(failure, UnidentifiedImageError):  # its own text names an object of ours in memory
        return ImageInvalid(f"not a readable image ({container_of(data)}, damaged or of a kind that is not read)")
    return ImageInvalid(f"not a readable image ({type(failure).__name__}: {failure})"[:200])
