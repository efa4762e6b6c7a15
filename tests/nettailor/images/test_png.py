"""What a PNG's chunks unpack to is bounded, by Pillow and by us."""

import tracemalloc
import zlib

import pytest
from PIL import Image

from nettailor.images import decode, pixel_count
from nettailor.images.png import Chunk
from tests.nettailor.images.files import encoded

_HEADER_END = 33  # of the signature and the first chunk
_ZEROS = zlib.compress(bytes(8 << 20))


@pytest.mark.parametrize(
    ("kind", "data"),
    [(b"zTXt", b"a\0\0" + _ZEROS), (b"iTXt", b"a\0\1\0\0\0" + _ZEROS), (b"iCCP", b"a\0\0" + _ZEROS)],
    ids=["text", "international text", "profile"],
)
def test_what_a_chunk_unpacks_to_is_cut_off_at_a_megabyte_or_two(kind: bytes, data: bytes) -> None:
    plain = encoded(Image.new("RGB", (64, 50)), "PNG")
    file = plain[:_HEADER_END] + Chunk(kind=kind, data=data, is_sound=True).encoded() + plain[_HEADER_END:]
    tracemalloc.start()
    try:
        assert pixel_count(file) == 64 * 50
        assert decode(file).size == (64, 50)
        assert tracemalloc.get_traced_memory()[1] < 5 << 20
    finally:
        tracemalloc.stop()
