"""A range of the spool behaves as a file of its own, whatever happens to the rest of the spool."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.intake.scanning.spool import Range, append


@given(
    data=st.binary(max_size=60),
    steps=st.lists(st.tuples(st.integers(0, 80), st.sampled_from([0, 2]), st.integers(0, 40)), max_size=8),
)
def test_a_range_reads_as_the_bytes_alone_would(data: bytes, steps: list[tuple[int, int, int]]) -> None:
    spool, alone = io.BytesIO(b"before"), io.BytesIO(data)
    offset, size_bytes = append(spool, [data[:7], data[7:]])
    ranged = io.BufferedReader(Range(spool, offset, size_bytes))
    for place, whence, count in steps:
        at = place if whence == 0 else -min(place, len(data))
        assert ranged.seek(at, whence) == alone.seek(at, whence)
        append(spool, [b"after"])
        assert ranged.read(count) == alone.read(count)


def test_what_is_appended_may_be_read_from_the_spool_itself() -> None:
    spool = io.BytesIO(bytes(range(100)))
    whole = Range(spool, 0, 100)
    offset, size_bytes = append(spool, iter(lambda: whole.read(9), b""))
    assert spool.getvalue() == 2 * bytes(range(100))
    assert (offset, size_bytes) == (100, 100)


def test_there_is_nothing_before_a_range() -> None:
    with pytest.raises(OSError, match="before the start"):
        Range(io.BytesIO(b"abc"), 1, 1).seek(-1)
