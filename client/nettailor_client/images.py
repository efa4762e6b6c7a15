"""What may be given as an image, and the file it is sent as. Neither Pillow nor numpy is imported: what is given is
taken for what it can do."""

from io import BytesIO
from os import PathLike
from pathlib import Path
from typing import Any, Protocol, cast, runtime_checkable

from typing_extensions import Buffer

from nettailor_client import png
from nettailor_client.errors import ImageUnusable

_OF_PNG = frozenset({"1", "L", "LA", "P", "RGB", "RGBA", "I;16"})  # Pillow's modes that PNG can hold


@runtime_checkable
class Picture(Protocol):
    """An image of Pillow."""

    @property
    def mode(self) -> str: ...
    def save(self, fp: Any, format: str, **parameters: Any) -> None: ...
    def getexif(self) -> Any: ...
    def convert(self, mode: str) -> "Picture": ...


class Array(Protocol):
    """An array of numpy. It is a buffer, too, which its type says only under newer versions of Python."""

    @property
    def __array_interface__(self) -> dict[str, Any]: ...


Image = str | PathLike[str] | Buffer | Array | Picture
"""A path; the bytes of an image file; an image of Pillow; an array of numpy, or another buffer of 8-bit samples,
shaped (height, width) or (height, width, channels)."""


def file_of(image: Image) -> bytes:
    """The image as a file: the one that it is, else a PNG. Raises `ImageUnusable`, and `OSError` for a path."""
    if isinstance(image, (str, PathLike)):
        return Path(image).read_bytes()
    if isinstance(image, Picture):
        return _of_picture(image)
    try:
        samples = memoryview(cast(Buffer, image))
    except TypeError:
        raise ImageUnusable(image, "neither a path, nor bytes, nor a Pillow image, nor an array") from None
    return samples.tobytes() if samples.ndim == 1 else _of_array(image, samples)


def _of_picture(picture: Picture) -> bytes:
    """With its orientation and colour profile, so that it is seen as the file that it was opened from is."""
    if picture.mode not in _OF_PNG:
        picture = picture.convert("RGB")
    file = BytesIO()
    picture.save(file, "PNG", exif=picture.getexif(), compress_level=1)
    return file.getvalue()


def _of_array(image: object, samples: memoryview) -> bytes:
    shape = samples.shape or ()
    if samples.format != "B":
        raise ImageUnusable(image, f"its samples are of type {samples.format!r}, and not 8-bit unsigned (uint8)")
    if len(shape) not in (2, 3) or 0 in shape:
        raise ImageUnusable(image, f"its shape is {shape}, and not (height, width, channels)")
    height, width, channels = shape if len(shape) == 3 else (*shape, 1)
    if channels not in (1, 2, 3, 4):
        raise ImageUnusable(image, f"it has {channels} channels; they come last, and are 1 to 4")
    return png.encode(samples.tobytes(), width, height, channels)
