"""The file formats that are read, known by their first bytes, and how each is opened."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from PIL import Image, ImageFile, UnidentifiedImageError, features

from nettailor.bundle.preprocessing import ValueRange
from nettailor.errors import ImageInvalid
from nettailor.images import png
from nettailor.images.tiff.main_image import MainImage, main_image
from nettailor.images.unread import unread_picture
from nettailor.images.value_range import FULL

# Formats with small, fuzzed decoders; others (EPS runs Ghostscript) are not for strangers' files.
_MAGIC = (
    (b"\xff\xd8\xff", "JPEG"),
    (png.SIGNATURE, "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"BM", "BMP"),
    *((magic, "TIFF") for magic in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")),
    *((b"P%d%c" % (digit, space), "PPM") for digit in range(1, 7) for space in b" \t\n\v\f\r"),
)
_BRANDS = {
    "AVIF": frozenset({b"avif", b"avis"}),
    "HEIF": frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"}),
}
_BRANDS_BYTES = 512  # of the box that lists them; real ones have a dozen


def container_of(data: bytes) -> str | None:
    """Pillow's word for the format the bytes claim to be, or None where they claim none that is read."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    if data[4:8] == b"ftyp":
        return _container_of_brands(data)
    return next((name for magic, name in _MAGIC if data.startswith(magic)), None)


def _container_of_brands(data: bytes) -> str | None:
    """Of an ISO media file, which names what it is first and then what else it can be read as."""
    end = min(int.from_bytes(data[:4], "big"), _BRANDS_BYTES)
    brands = [data[8:12], *(data[place : place + 4] for place in range(16, end, 4))]
    return next((name for brand in brands for name, known in _BRANDS.items() if brand in known), None)


@dataclass(frozen=True, kw_only=True, eq=False)
class Opened:
    """A file whose header was read, and no pixel yet."""

    container: str
    image: ImageFile.ImageFile
    reopen: Callable[[], ImageFile.ImageFile]  # the same once more
    planes: tuple[ImageFile.ImageFile, ...] = ()  # of a picture that is stored plane by plane; `image` is the first
    stated: ValueRange | None = None  # what the file says that black and white are
    significant_bits: int | None = None  # of a PNG's samples; they may be the upper or the lower ones
    white_is_zero: bool = False
    signed_bytes: bool = False


def open_image(data: bytes) -> Opened:
    """Raises `ImageInvalid`, and whatever decoders raise for a header that is damaged or odd."""
    container = container_of(data)
    if container is None:
        raise ImageInvalid(_not_read(data))
    if container == "TIFF":
        return _open_tiff(main_image(data))
    reopen = partial(_open_heif if container == "HEIF" else _open, data, container)
    image = reopen()
    return Opened(
        container=container,
        image=image,
        reopen=reopen,
        stated=FULL if container == "HEIF" or (container == "PPM" and _is_scaled(image)) else None,
        significant_bits=png.significant_bits(data) if container == "PNG" else None,
    )


def _not_read(data: bytes) -> str:
    picture = unread_picture(data)
    return "not a readable image (of no format that is known)" if picture is None else f"{picture}, not supported"


def _open(data: bytes, container: str) -> ImageFile.ImageFile:
    if container == "AVIF" and not features.check("avif"):
        raise ImageInvalid("AVIF, which this installation's Pillow cannot read; install Pillow 11.3 or newer")
    image = Image.open(io.BytesIO(data), formats=(container,))
    if container == "PNG" and data[28:29] == b"\0":
        image.info.pop("interlace", None)  # a text of that name, which the decoder would take for its header's word
    return image


def _is_scaled(image: ImageFile.ImageFile) -> bool:
    """Whether the decoder of a PPM file stretches its samples to 16 bits, as it does unless they have that range."""
    codec, *_, arguments = image.tile[0]
    return codec != "raw" and isinstance(arguments, tuple) and arguments[-1] != FULL[1]


def _open_heif(data: bytes, container: str) -> ImageFile.ImageFile:
    try:
        from pillow_heif import HeifImageFile  # an extra, and 10 MB of memory for those who need it
    except ImportError as failure:
        raise ImageInvalid("HEIC, for which the extra nettailor-server[heif] is not installed here") from failure
    opened: ImageFile.ImageFile = HeifImageFile(io.BytesIO(data))
    return opened


def _open_tiff(found: MainImage) -> Opened:
    try:
        planes = tuple(_open(data, "TIFF") for data in found.files)
    except UnidentifiedImageError as failure:
        raise ImageInvalid(f"a TIFF of a kind that is not read ({found.kind})") from failure
    return Opened(
        container="TIFF",
        image=planes[0],
        reopen=partial(_open, found.files[0], "TIFF"),
        planes=planes if len(planes) > 1 else (),
        stated=found.stated,
        white_is_zero=found.white_is_zero,
        signed_bytes=found.signed_bytes,
    )
