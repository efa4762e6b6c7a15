"""Bytes of arrays, wherever they come from, as streams that are read once."""

from collections.abc import Iterator

from trainer.intake.archives.tar import Stream
from trainer.intake.arrays.header import ArrayUnreadable

_CHUNK = 1 << 20


class ChunkStream:
    """Chunks of any size, such as a member of an archive gives them, read in pieces of the size asked for."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._ready = memoryview(b"")

    def read(self, size: int, /) -> bytes:
        """At most ``size`` bytes; empty only at the end."""
        while not self._ready:
            chunk = next(self._chunks, None)
            if chunk is None:
                return b""
            self._ready = memoryview(chunk)
        data, self._ready = bytes(self._ready[:size]), self._ready[size:]
        return data


def read_exactly(stream: Stream, size_bytes: int) -> bytes:
    """Memory grows with what is there, not with what is asked for. Raises ArrayUnreadable at an earlier end."""
    pieces: list[bytes] = []
    while size_bytes:
        piece = stream.read(min(size_bytes, _CHUNK))
        if not piece:
            raise ArrayUnreadable("it ends too early")
        pieces.append(piece)
        size_bytes -= len(piece)
    return b"".join(pieces)
