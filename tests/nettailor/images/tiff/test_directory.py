import struct
from time import process_time

from hypothesis import given
from hypothesis import strategies as st

from nettailor.images.tiff.directory import directories
from nettailor.images.tiff.rewrite import rewritten


@given(st.sampled_from([b"II*\0", b"MM\0*", b"II+\0", b"MM\0+", b"II", b""]), st.binary(max_size=200))
def test_any_bytes_are_read_without_a_fault(start: bytes, rest: bytes) -> None:
    for directory in directories(start + rest):
        for tag in directory.entries:
            directory.numbers(tag)
            directory.number(tag, 0)
        assert len(rewritten(directory, {})) < 50 * len(start + rest) + 600  # each tag may have all of it


def test_directories_that_share_their_bytes_cost_little() -> None:
    """A hostile file: the first directory names 32 others, each of 60,000 entries, most of which they share."""
    start = 8 + 2 + 12 + 4 + 32 * 4
    places = struct.pack("<32I", *(start + 12 * k for k in range(32)))
    first = struct.pack("<HHHIII", 1, 330, 4, 32, 26, 0) + places
    entries = b"".join(struct.pack("<HHII", 60_000, k % 5000, 4, 1) for k in range(65_100))
    began_at = process_time()
    found = directories(struct.pack("<2sHI", b"II", 42, 8) + first + entries)
    assert process_time() - began_at < 1
    assert len(found) == 64
    assert max(len(directory.entries) for directory in found) == 1024
