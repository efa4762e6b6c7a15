"""Which way up an image is, as its EXIF says."""

from PIL import ExifTags, Image

from nettailor.images.tiff.directory import ORIENTATION, directories

_METHODS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# The orientations of files that have to be turned, and whose right or lower edge comes to lie first.
_TURNED, _X_REVERSED, _Y_REVERSED = (5, 6, 7, 8), (2, 3, 6, 7), (3, 4, 7, 8)
_EXIF = b"Exif\0\0"


def orientation_of(image: Image.Image) -> int:
    """1 (upright) to 8, of an image that was loaded: some decoders turn it themselves, and then it is 1."""
    try:
        found = image.getexif().get(ExifTags.Base.Orientation)
    except Exception:  # what reads EXIF raises whatever a tag's odd value makes it raise; no picture is lost for that
        found = None
    if found is None:
        found = _by_ourselves(image.info.get("exif"))
    return found if isinstance(found, int) and found in _METHODS else 1


def _by_ourselves(exif: object) -> int:
    if not isinstance(exif, bytes):
        return 1
    found = directories(exif.removeprefix(_EXIF))
    return found[0].number(ORIENTATION, 1) if found else 1


def upright(pixels: Image.Image, orientation: int) -> Image.Image:
    method = _METHODS.get(orientation)
    return pixels if method is None else pixels.transpose(method)


def upright_size(size: tuple[int, int], orientation: int) -> tuple[int, int]:
    return size[::-1] if orientation in _TURNED else size


def is_x_reversed(orientation: int) -> bool:
    return orientation in _X_REVERSED


def is_y_reversed(orientation: int) -> bool:
    return orientation in _Y_REVERSED
