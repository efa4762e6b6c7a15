import struct
import zlib
from contextlib import suppress
from time import process_time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from nettailor.errors import ImageInvalid, ImageTooLarge
from nettailor.images import decode
from nettailor.images.mending import png as mending
from tests.costs import inputs
from tests.nettailor.images.files import SIGNATURE, chunk, encoded, png, scene
from tests.nettailor.images.profiles import DISPLAY_P3, rgb_profile

COLOURS = np.asarray(scene(30, 20))
LARGE = zlib.compress(bytes(3 * 2**20))
FRAME = struct.pack(">5IHHBB", 0, 30, 20, 5, 5, 1, 1, 0, 0)  # of 30 x 20 from 5, 5 on

ODD = {
    "text that unpacks to megabytes": chunk(b"zTXt", b"a\0\0" + LARGE),
    "international text of megabytes": chunk(b"iTXt", b"a\0\1\0\0\0" + LARGE),
    "text packed by an unknown method": chunk(b"zTXt", b"a\0\5x"),
    "text with a wrong checksum": chunk(b"tEXt", b"a\0b", checksum=1),
    "time with a wrong checksum": chunk(b"tIME", bytes(7), checksum=1),
    "transparency with a wrong checksum": chunk(b"tRNS", COLOURS[0, 0].astype(">u2").tobytes(), checksum=1),
    "transparency that is short": chunk(b"tRNS", b"1"),
    "profile of megabytes": chunk(b"iCCP", b"p\0\0" + LARGE),
    "profile packed by an unknown method": chunk(b"iCCP", b"p\0\5x"),
    "profile that is empty": chunk(b"iCCP", b""),
    "size of a pixel that is short": chunk(b"pHYs", b"1"),
    "gamma that is empty": chunk(b"gAMA", b""),
    "primaries that are short": chunk(b"cHRM", bytes(9)),
    "animation that is short": chunk(b"acTL", b"\0"),
    "frame outside the picture": chunk(b"fcTL", FRAME),
    "frames without an animation": chunk(b"fcTL", bytes(30)),
    "text called interlace": chunk(b"tEXt", b"interlace\0no"),
    "text called bbox": chunk(b"tEXt", b"bbox\0no"),
    "text called transparency": chunk(b"tEXt", b"transparency\0no"),
    "text called icc_profile": chunk(b"tEXt", b"icc_profile\0no"),
}


def shown(data: bytes) -> np.ndarray:
    return np.asarray(decode(data).pixels)


@pytest.mark.parametrize("name", ODD)
def test_an_odd_chunk_costs_nothing(name: str) -> None:
    assert np.array_equal(shown(png(COLOURS, ODD[name])), COLOURS)
    assert np.array_equal(shown(png(COLOURS, after=[ODD[name]])), COLOURS)


def test_a_text_called_interlace_is_not_the_headers_word() -> None:
    column = COLOURS[:, :1].copy()  # as long as an interlaced one
    assert np.array_equal(shown(png(column, ODD["text called interlace"])), column)
    assert np.array_equal(shown(png(column, interlaced=True)), column)


def test_a_missing_end_costs_nothing_and_missing_pixels_the_picture() -> None:
    for before in ((), (ODD["text with a wrong checksum"],)):
        data = png(COLOURS, *before)
        accepted = 0
        for end in range(1, len(data) - 60):
            try:
                found = shown(data[:-end])
            except ImageInvalid:
                continue
            accepted = end
            assert np.array_equal(found, COLOURS), f"{end} bytes short"
        assert 12 <= accepted < 40  # the last chunk, and what checks the pixels


def test_what_changes_the_picture_stays() -> None:
    exif = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    key = chunk(b"tRNS", COLOURS[0, 0].astype(">u2").tobytes())
    profile = chunk(b"iCCP", b"p\0\0" + zlib.compress(rgb_profile(DISPLAY_P3)))
    extras = [profile, key, chunk(b"eXIf", exif)]
    expected, found = decode(png(COLOURS, *extras)), decode(png(COLOURS, *extras, ODD["text with a wrong checksum"]))
    assert found.size == (20, 30)
    assert found.profile == rgb_profile(DISPLAY_P3)
    assert np.array_equal(np.asarray(found.pixels), np.asarray(expected.pixels))
    bits = chunk(b"sBIT", b"\x0c")
    values = (COLOURS[..., 0].astype(np.uint16) << 4) | 5
    assert np.array_equal(shown(png(values, bits, ODD["gamma that is empty"])), shown(png(values, bits)))


@pytest.mark.parametrize("kind", [b"IHDR", b"PLTE"])
def test_a_damaged_critical_chunk_costs_the_picture(kind: bytes) -> None:
    data = bytearray(encoded(Image.fromarray(COLOURS).quantize(8)))
    data[data.index(kind) + 6] ^= 1
    with pytest.raises(ImageInvalid):
        decode(bytes(data))


def test_the_limit_of_pixels_is_kept() -> None:
    with pytest.raises(ImageTooLarge):
        decode(png(COLOURS, ODD["text with a wrong checksum"]), max_pixels=COLOURS.shape[0] * COLOURS.shape[1] - 1)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_whatever_the_bytes_it_raises_nothing(data: st.DataObject) -> None:
    extra = data.draw(st.sampled_from(list(ODD.values())))
    file = bytearray(png(COLOURS[:6, :5], extra if len(extra) < 200 else b""))
    for _ in range(data.draw(st.integers(0, 5))):
        file[data.draw(st.integers(8, len(file) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(file[: data.draw(st.integers(8, len(file)))])
    found = mending.without_extras(cut)
    assert found is None or len(found) <= len(cut) + 12
    with suppress(ImageInvalid):
        decode(cut)


@given(st.binary(max_size=300))
def test_bytes_that_are_no_png(data: bytes) -> None:
    mending.without_extras(SIGNATURE + data)


@pytest.mark.parametrize("unit", [chunk(b"tEXt", b""), chunk(b"IDAT", b""), b"\0\0\0\0abcd\0\0\0\0", b"\xff" * 12])
def test_time_goes_with_the_size(unit: bytes) -> None:
    data = SIGNATURE + unit * (12_000_000 // len(unit))
    start = process_time()
    mending.without_extras(data)
    assert process_time() - start < 3


def test_of_chunks_that_may_be_there_once_one_is_kept() -> None:
    """Each profile is unpacked to be looked at, and a small file could have very many of them."""
    mended = mending.without_extras(inputs.png(30, b"iCCP", inputs.profile(1_000)))
    assert mended is not None
    assert mended.count(b"iCCP") == 1
