import io
import struct
import sys

import numpy as np
import pillow_heif
import pytest
from PIL import Image, features

from nettailor.errors import ImageInvalid
from nettailor.images import decode
from nettailor.images.containers import container_of
from tests.nettailor.images.files import encoded, scene, tiff


def brands(*names: bytes) -> bytes:
    listed = b"".join(names[1:])
    return struct.pack(">I", 16 + len(listed)) + b"ftyp" + names[0] + bytes(4) + listed


@pytest.mark.parametrize(
    ("data", "container"),
    [
        (brands(b"heic", b"mif1", b"heic"), "HEIF"),
        (brands(b"mif1", b"mif1", b"heic"), "HEIF"),
        (brands(b"msf1", b"hevc"), "HEIF"),
        (brands(b"avif", b"mif1", b"miaf"), "AVIF"),
        (brands(b"mif1", b"avif"), "AVIF"),
        (brands(b"isom", b"mp42"), None),
        (brands(b"mif1"), None),
        (b"\xff\xff\xff\xffftypqt  ", None),
        (b"II+\0\x08\0\0\0", "TIFF"),
        (b"MM\0+\0\x08\0\0", "TIFF"),
        (b"P5\n1 1", "PPM"),
        (b"P1 is a word", "PPM"),
        (b"P12", None),
        (b"%!PS-Adobe-3.0 EPSF-3.0", None),
        (b"\0\0\0\x0cjP  ", None),
        (b"", None),
    ],
)
def test_formats_are_known_by_their_first_bytes(data: bytes, container: str | None) -> None:
    assert container_of(data) == container


def test_what_is_no_format_of_the_list_is_not_opened_though_pillow_could() -> None:
    for format in ("PDF", "SPIDER"):
        with pytest.raises(ImageInvalid, match="no format that is known"):
            decode(encoded(Image.new("L", (8, 8)), format))


@pytest.mark.parametrize("format", ["AVIF", "HEIF"])
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L"])
def test_new_formats_show_what_was_saved(format: str, mode: str) -> None:
    image = scene(12, 9).resize((80, 60)).convert(mode)
    found = np.asarray(decode(encoded(image, format, quality=95)).pixels).astype(int)
    assert np.abs(found - np.asarray(image.convert("RGB"))).mean() < 4


@pytest.mark.parametrize("level", [1_500, 40_000])
@pytest.mark.parametrize("mode", ["RGB;16", "L;16"])
def test_heic_of_more_bits_is_scaled_to_8(level: int, mode: str) -> None:
    values = np.full((64, 64, 3) if mode == "RGB;16" else (64, 64), level, np.uint16)
    buffer = io.BytesIO()
    pillow_heif.from_bytes(mode=mode, size=(64, 64), data=values.tobytes()).save(buffer, quality=95)
    assert np.abs(np.asarray(decode(buffer.getvalue()).pixels).astype(int) - (level >> 8)).max() <= 3


def test_heic_is_turned_once() -> None:
    image = scene(12, 9).resize((80, 60))
    exif = Image.Exif()
    exif[0x0112] = 6
    found = decode(encoded(image, "HEIF", quality=95, exif=exif.tobytes()))
    assert found.size == found.pixels.size == (60, 80)
    turned = np.asarray(image.transpose(Image.Transpose.ROTATE_270)).astype(int)
    assert np.abs(np.asarray(found.pixels).astype(int) - turned).mean() < 6


def test_a_heics_thumbnail_is_not_taken_for_the_picture() -> None:
    heif = pillow_heif.from_pillow(scene(8, 6).resize((800, 600)))
    buffer = io.BytesIO()
    heif.save(buffer, quality=60, thumbnails=[400, 200])
    assert pillow_heif.HeifImageFile(io.BytesIO(buffer.getvalue())).info["thumbnails"]
    assert decode(buffer.getvalue(), side=8).pixels.size == (800, 600)


def test_what_is_not_installed_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    image = Image.new("RGB", (64, 64))
    heic, avif = encoded(image, "HEIF"), encoded(image, "AVIF")
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(ImageInvalid, match=r"HEIC, for which the extra nettailor-server\[heif\] is not installed"):
        decode(heic)
    monkeypatch.setattr(features, "check", lambda feature: feature != "avif")
    with pytest.raises(ImageInvalid, match=r"AVIF, which this installation's Pillow cannot read"):
        decode(avif)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("compression", [None, "deflate"])
def test_bigtiff(order: str, compression: str | None) -> None:
    values = np.asarray(scene(33, 21))
    data = tiff(values, bigtiff=True, byteorder=order, compression=compression)
    assert data[2:4] in (b"+\0", b"\0+")
    assert np.array_equal(np.asarray(decode(data).pixels), values)
