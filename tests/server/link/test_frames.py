"""The format of what goes over the link."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.errors import LinkBroken
from server.link.frames import HEAD, Frame, FrameReader, Kind

_texts = st.text(max_size=20)
_documents = st.dictionaries(
    _texts, st.none() | st.integers() | _texts | st.lists(st.integers(), max_size=3), max_size=4
)
_frames = st.builds(
    Frame,
    kind=st.sampled_from(Kind),
    request=st.integers(0, 2**64 - 1),
    document=_documents,
    tail=st.binary(max_size=50),
)


@given(st.lists(_frames, max_size=6), st.integers(1, 70))
def test_frames_are_read_as_they_were_written_however_they_are_cut(frames: list[Frame], piece: int) -> None:
    data = b"".join(frame.encoded() for frame in frames)
    reader = FrameReader()
    found = [frame for place in range(0, len(data), piece) for frame in reader.feed(data[place : place + piece])]
    assert found == frames


def test_a_frame_has_the_bytes_that_its_format_says() -> None:
    frame = Frame(kind=Kind.COUNTED, request=3, document={"classes": 7}, tail=b"xy")
    assert frame.encoded() == bytes.fromhex("0d000000 02000000 0d00 0000 0300000000000000") + b'{"classes":7}xy'


@pytest.mark.parametrize(
    "data",
    [
        HEAD.pack(2**31, 0, Kind.HELLO, 0, 0),
        HEAD.pack(0, 2**31, Kind.HELLO, 0, 0),
        HEAD.pack(0, 0, 99, 0, 0),
        HEAD.pack(2, 0, Kind.HELLO, 0, 0) + b"{]",
        HEAD.pack(2, 0, Kind.HELLO, 0, 0) + b"[]",
    ],
    ids=["document too long", "tail too long", "unknown kind", "no JSON", "no object"],
)
def test_what_is_no_frame_breaks_the_link(data: bytes) -> None:
    with pytest.raises(LinkBroken):
        list(FrameReader().feed(data))
