import re
import struct
from contextlib import suppress
from time import process_time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from nettailor.errors import ImageInvalid
from nettailor.images import decode
from nettailor.images.mending import jpeg
from tests.costs import inputs
from tests.nettailor.images.files import encoded, scene

WRITTEN: list[dict[str, object]] = [
    {},
    {"progressive": True},
    {"optimize": True},
    {"restart_marker_blocks": 3},
    {"restart_marker_rows": 1, "progressive": True},
    {"subsampling": 0, "quality": 100},
    {"subsampling": 2, "quality": 30, "restart_marker_rows": 1},
]


def shown(data: bytes) -> np.ndarray:
    return np.asarray(decode(data).pixels)


@pytest.mark.parametrize("options", WRITTEN, ids=str)
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_a_missing_end_marker_costs_nothing_and_every_other_cut_the_picture(
    options: dict[str, object], mode: str
) -> None:
    data = encoded(scene(40, 36).convert(mode), "JPEG", **options)
    whole = shown(data)
    for end in (1, 2):
        assert np.array_equal(shown(data[:-end]), whole)
    for end in range(3, len(data), 7 if end_is_far(data) else 3):
        try:
            found = shown(data[:-end])
        except ImageInvalid:
            continue
        assert np.array_equal(found, whole), f"{end} bytes short"


def end_is_far(data: bytes) -> bool:
    return len(data) > 2000


def test_zeros_in_place_of_what_is_lost_are_no_pixels() -> None:
    data = encoded(scene(64, 64), "JPEG")
    with pytest.raises(ImageInvalid):
        decode(data[: 2 * len(data) // 3] + bytes(4096))
    assert np.array_equal(shown(data[:-2] + bytes(4096)), shown(data))


def test_a_lost_part_between_restart_markers_is_noticed() -> None:
    """There the decoder goes on as if nothing had happened, whatever follows."""
    data = encoded(scene(64, 64), "JPEG", restart_marker_rows=1)
    markers = [found.start() for found in re.finditer(rb"\xff[\xd0-\xd7]", data)]
    assert len(markers) == 3
    for cut in markers:
        with pytest.raises(ImageInvalid):
            decode(data[:cut])


def test_lost_scans_of_a_progressive_file_are_noticed() -> None:
    data = encoded(scene(64, 64), "JPEG", progressive=True)
    scans = [found.start() for found in re.finditer(rb"\xff\xda", data)]
    assert len(scans) > 5
    for cut in scans[1:]:
        with pytest.raises(ImageInvalid):
            decode(data[:cut])


ODD = {
    "short JFIF": (0xE0, b"JFIF\0"),
    "short Adobe": (0xEE, b"Adobe"),
    "Photoshop": (0xED, b"Photoshop 3.0\0" + b"8BIM\x03\xed"),
    "profile without a number": (0xE2, b"ICC_PROFILE\0"),
    "broken multi-picture": (0xE2, b"MPF\0junk"),
}


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("mode", ["RGB", "CMYK"])
def test_an_odd_segment_costs_nothing(name: str, mode: str) -> None:
    data = encoded(scene(40, 36).convert(mode), "JPEG")
    marker, payload = ODD[name]
    odd = data[:2] + struct.pack(">BBH", 0xFF, marker, 2 + len(payload)) + payload + data[2:]
    assert np.array_equal(shown(odd), shown(data))


def test_mending_keeps_orientation_and_profile() -> None:
    from tests.nettailor.images.profiles import DISPLAY_P3, rgb_profile

    exif = Image.Exif()
    exif[0x0112] = 6
    data = encoded(scene(40, 36), "JPEG", exif=exif, icc_profile=rgb_profile(DISPLAY_P3))
    broken = data[:2] + b"\xff\xe0\0\x07JFIF\0" + data[2:-2]
    expected, found = decode(data), decode(broken)
    assert found.size == (36, 40)
    assert found.profile == expected.profile != b""
    assert np.array_equal(np.asarray(found.pixels), np.asarray(expected.pixels))


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_whatever_the_bytes_it_raises_nothing(data: st.DataObject) -> None:
    options = data.draw(st.sampled_from(WRITTEN))
    file = bytearray(encoded(scene(20, 18), "JPEG", **options))
    for _ in range(data.draw(st.integers(0, 6))):
        file[data.draw(st.integers(2, len(file) - 1))] = data.draw(st.sampled_from([0, 1, 255, 0xDA, 0xD9, 0xC2, 0xDD]))
    cut = bytes(file[: data.draw(st.integers(0, len(file)))])
    for ending in jpeg.mended(cut):
        assert len(ending) <= len(cut) + 256
        with suppress(ImageInvalid):
            decode(ending)


@given(st.binary(max_size=300))
def test_bytes_that_are_no_jpeg(data: bytes) -> None:
    jpeg.mended(b"\xff\xd8\xff" + data)


@pytest.mark.parametrize(
    "unit", [b"\xff", b"\xff\xfe\0\2", b"\0", b"\xff\0", b"\xff\xd0", b"\xff\xda\0\2", b"\xff\xe1\xff\xff"]
)
def test_time_goes_with_the_size(unit: bytes) -> None:
    def seconds(size: int) -> float:
        data = b"\xff\xd8\xff\xe0\0\2" + unit * (size // len(unit))
        start = process_time()
        jpeg.mended(data)
        return process_time() - start

    assert seconds(8_000_000) < 1.5  # one that goes with the square takes hours


def test_a_scan_has_at_most_four_components() -> None:
    """Else ten thousand of them would take seconds to count up."""
    whole = inputs.jpeg(1, 0xDA, inputs.scan(1))
    assert len(jpeg.mended(whole + b"\1")) > 1
    assert jpeg.mended(inputs.jpeg(1, 0xDA, inputs.scan(5)) + b"\1") == ()
