"""Decompresses zstandard streams of strangers, within the limits."""

from dataclasses import dataclass, field
from typing import Any, BinaryIO

import zstandard

from trainer.errors import ArchiveDamaged
from trainer.intake.archives.limits import IntakeLimits
from trainer.intake.archives.tar import Expansion

MAGIC = b"\x28\xb5\x2f\xfd"
_WINDOW_BYTES = 1 << 27  # what `zstd --ultra` needs at most; the format allows terabytes
_CHUNK = 1 << 8  # at once: the library unpacks all it is given, and four bytes may stand for 128 KiB: 8 MiB in all


@dataclass
class Unzstd:
    """A stream of one or many frames; memory is that of the window, and of what a chunk unpacks to."""

    packed: BinaryIO
    limits: IntakeLimits
    _engine: Any = None  # of the frame that is being read, None between two
    _expansion: Expansion = field(init=False)
    _ready: memoryview = field(default_factory=lambda: memoryview(b""))  # unpacked, not yet asked for
    _pending: bytes = b""  # read, belongs to the next frame
    _packed_bytes: int = 0

    def __post_init__(self) -> None:
        self._expansion = Expansion(limits=self.limits)

    def read(self, size: int, /) -> bytes:
        """At most ``size`` bytes; empty only at the end. Raises ArchiveDamaged, ArchiveTooBig."""
        while not self._ready:
            chunk = self._pending or self._next_chunk()
            if not chunk and self._engine is not None:
                raise ArchiveDamaged("the zstandard stream ends too early")
            if not chunk:
                return b""
            self._unpack(chunk)
        data, self._ready = bytes(self._ready[:size]), self._ready[size:]
        return data

    def _unpack(self, chunk: bytes) -> None:
        if self._engine is None:
            self._engine = zstandard.ZstdDecompressor(max_window_size=_WINDOW_BYTES).decompressobj()
        try:
            self._ready = memoryview(self._engine.decompress(chunk))
        except zstandard.ZstdError as failure:
            raise ArchiveDamaged(f"the zstandard stream is damaged ({failure})") from None
        self._pending = b""
        if self._engine.eof:
            self._pending, self._engine = self._engine.unused_data, None
        self._expansion.grow(len(self._ready), packed_bytes=self._packed_bytes)

    def _next_chunk(self) -> bytes:
        chunk = self.packed.read(_CHUNK)
        self._packed_bytes += len(chunk)
        return chunk
