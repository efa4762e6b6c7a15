"""Pictures that no decoder here reads are refused by their names."""

import random

import pytest
from PIL import Image

from nettailor.errors import ImageInvalid
from nettailor.images import decode, unread_picture
from nettailor.images.containers import container_of
from tests.nettailor.images.files import encoded, scene


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"\xff\x0a\xfa", "JPEG XL"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
        (b"8BPS\0\1", "Photoshop document"),
        (b"%!PS-Adobe-3.0", "PostScript"),
        (b"\n<svg xmlns=''/>", "SVG"),
        (b"\xef\xbb\xbf<?xml version='1.0'?><SVG/>", "SVG"),
        (bytes(128) + b"DICM", "DICOM"),
        (b"\0\0\0\x18ftypcrx ", "camera raw"),
        (b"P7\nWIDTH 2\n", "floating-point or PAM image"),
        (b"<?xml version='1.0'?><annotation/>", None),
        (b"\0\0\0\x20ftypisom", None),
        (b"", None),
    ],
)
def test_they_have_a_name(data: bytes, name: str | None) -> None:
    assert unread_picture(data) == name
    assert container_of(data) is None


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize(
    ("format", "name"),
    [
        *(("ICO", "Windows icon"), ("JPEG2000", "JPEG 2000"), ("EPS", "PostScript"), ("DDS", "DirectDraw surface")),
        *(("SGI", "SGI image"), ("TGA", "TGA"), ("PCX", "PCX")),
    ],
)
def test_what_pillow_writes_is_refused_by_its_name(format: str, name: str, mode: str) -> None:
    with pytest.raises(ImageInvalid, match=f"^{name}, not supported$"):
        decode(encoded(scene(300, 200).convert(mode), format))


@pytest.mark.parametrize("options", [{"compression": "tga_rle"}, {"orientation": 1}])
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P"])
def test_targa_has_no_signature(mode: str, options: dict[str, object]) -> None:
    assert unread_picture(encoded(Image.new(mode, (300, 8)), "TGA", **options)) == "TGA"


def test_bytes_that_mean_nothing_are_hardly_ever_a_picture() -> None:
    noise = random.Random(0)
    assert sum(unread_picture(noise.randbytes(100)) is not None for _ in range(2000)) < 3
