"""Reads tar streams of strangers: plain, gzip or any other stream of bytes, one pass, bounded memory.

The standard library's reader trusts sizes in extended headers (a gigabyte of them is read into memory) and chases
sparse maps; this one knows regular files and folders, in the ustar, GNU and pax spellings, and refuses all else.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, Protocol

from trainer.errors import ArchiveDamaged, ArchiveLink, ArchiveSpecialFile, ArchiveTooBig
from trainer.intake.archives.limits import IntakeLimits

_BLOCK = 512
_CHUNK = 1 << 16
_EXTENDED_BYTES = 1 << 16  # of one pax or long-name header; honest ones are a few hundred bytes
_KINDS = {b"3": "a character device", b"4": "a block device", b"6": "a pipe", b"S": "a sparse file"}


class Stream(Protocol):
    def read(self, size: int, /) -> bytes: ...


@dataclass(kw_only=True)
class TarMember:
    """A regular file or folder of the stream; its bytes must be read before the next member is asked for."""

    name: str
    size_bytes: int
    stream: Stream
    is_folder: bool = False

    def read(self) -> bytes:
        return _read_exactly(self.stream, self.size_bytes, self.name)

    def chunks(self) -> Iterator[bytes]:
        """Its bytes, piece by piece. Raises ArchiveDamaged."""
        missing = self.size_bytes
        while missing:
            piece = self.stream.read(min(missing, _CHUNK))
            if not piece:
                raise ArchiveDamaged("the tar stream ends too early", self.name)
            missing -= len(piece)
            yield piece


@dataclass(kw_only=True)
class _Extended:
    """What the headers before a member's own say about it."""

    name: str | None = None
    size_bytes: int | None = None


@dataclass
class Expansion:
    """How far a stream has unpacked, held to the limits."""

    limits: IntakeLimits
    _unpacked_bytes: int = 0

    def grow(self, data_bytes: int, *, packed_bytes: int) -> None:
        """Raises ArchiveTooBig. ``packed_bytes``: read of the packed stream so far."""
        limits = self.limits
        self._unpacked_bytes += data_bytes
        # Headers and padding of a tar come on top of its files: half a kilobyte and more each.
        if self._unpacked_bytes > limits.unpacked_bytes + 2 * _BLOCK * limits.members:
            raise ArchiveTooBig(f"unpacks to more than {limits.unpacked_bytes} bytes")
        if self._unpacked_bytes > limits.ratio_floor_bytes and self._unpacked_bytes > limits.ratio * packed_bytes:
            raise ArchiveTooBig(f"unpacks to more than {limits.ratio:g} times its size")


@dataclass
class Gunzip:
    """Decompresses a gzip stream (one or many members) and keeps to the limits while it does."""

    packed: BinaryIO
    limits: IntakeLimits
    _packed_bytes: int = 0
    _pending: bytes = b""
    _engine: "zlib._Decompress" = field(default_factory=lambda: zlib.decompressobj(wbits=31))
    _expansion: Expansion = field(init=False)

    def __post_init__(self) -> None:
        self._expansion = Expansion(limits=self.limits)

    def read(self, size: int, /) -> bytes:
        """At most ``size`` bytes; empty only at the end. Raises ArchiveDamaged, ArchiveTooBig."""
        while True:
            data = self._step(size)
            if data is None:
                return b""
            if data:
                self._expansion.grow(len(data), packed_bytes=self._packed_bytes)
                return data

    def _step(self, size: int) -> bytes | None:
        if self._engine.eof:
            self._pending = self._engine.unused_data or self._next_chunk()
            if not self._pending.strip(b"\0"):
                return None
            self._engine = zlib.decompressobj(wbits=31)
        source = self._pending or self._next_chunk()
        if not source:
            raise ArchiveDamaged("the gzip stream ends too early")
        try:
            data = self._engine.decompress(source, size)
        except zlib.error as failure:
            raise ArchiveDamaged(f"the gzip stream is damaged ({failure})") from None
        self._pending = self._engine.unconsumed_tail
        return data

    def _next_chunk(self) -> bytes:
        chunk = self.packed.read(_CHUNK)
        self._packed_bytes += len(chunk)
        return chunk


def peek(stream: Stream, size: int) -> bytes:
    """The first ``size`` bytes, or fewer; the stream is of no further use."""
    start = b""
    while len(start) < size and (piece := stream.read(size - len(start))):
        start += piece
    return start


def members(stream: Stream) -> Iterator[TarMember]:
    """Its regular files and folders, in order. Raises ArchiveDamaged, ArchiveLink, ArchiveSpecialFile."""
    extended = _Extended()
    while (header := _header(stream)) is not None:
        kind, name, size_bytes = header[156:157], _name(header), _number(header[124:136])
        if kind in {b"x", b"L", b"K", b"g"}:
            _extend(extended, kind, name, _extended_data(stream, size_bytes, name))
            continue
        name = name if extended.name is None else extended.name
        size_bytes = size_bytes if extended.size_bytes is None else extended.size_bytes
        extended = _Extended()
        if kind in {b"0", b"\0", b"7"} and not name.endswith("/"):
            counted = _Counted(stream, size_bytes)
            yield TarMember(name=name, size_bytes=size_bytes, stream=counted)
            _skip(stream, counted.left_bytes + -size_bytes % _BLOCK, name)
        elif kind in {b"5", b"0", b"\0", b"7"}:
            yield TarMember(name=name, size_bytes=0, stream=stream, is_folder=True)
            _skip(stream, size_bytes + -size_bytes % _BLOCK, name)
        elif kind in {b"1", b"2"}:
            raise ArchiveLink(name)
        else:
            raise ArchiveSpecialFile(name, _KINDS.get(kind, f"a member of kind {kind!r}"))


@dataclass
class _Counted:
    stream: Stream
    left_bytes: int

    def read(self, size: int, /) -> bytes:
        data = self.stream.read(min(size, self.left_bytes)) if self.left_bytes else b""
        self.left_bytes -= len(data)
        return data


def _header(stream: Stream) -> bytes | None:
    """The next header block, or None at the end (zero blocks, or the end of the stream)."""
    block = _read_exactly(stream, _BLOCK, "header", end_allowed=True)
    if not block or block == bytes(_BLOCK):
        return None
    if not has_valid_checksum(block):
        raise ArchiveDamaged("a tar header has a wrong checksum")
    return block


def has_valid_checksum(block: bytes) -> bool:
    """Whether 512 bytes are a tar header."""
    try:
        return _number(block[148:156]) == sum(block[:148]) + 8 * 0x20 + sum(block[156:_BLOCK])
    except ArchiveDamaged:
        return False


def _name(header: bytes) -> str:
    name = _text(header[:100])
    prefix = _text(header[345:500]) if header[257:263] == b"ustar\0" else ""
    return f"{prefix}/{name}" if prefix else name


def _text(raw: bytes) -> str:
    # Undecodable bytes survive as surrogates, which the path check then refuses by name.
    return raw.split(b"\0", 1)[0].decode("utf-8", "surrogateescape")


def _number(raw: bytes) -> int:
    """Octal text, or GNU's base 256 when the first bit is set. Raises ArchiveDamaged."""
    if raw[0] == 0x80:
        return int.from_bytes(raw[1:], "big")
    digits = raw.split(b"\0", 1)[0].strip()
    try:
        value = int(digits or b"0", 8)
    except ValueError:
        value = -1
    if value < 0:
        raise ArchiveDamaged(f"a tar header holds no number where one belongs ({raw[:12]!r})")
    return value


def _extended_data(stream: Stream, size_bytes: int, name: str) -> bytes:
    if size_bytes > _EXTENDED_BYTES:
        raise ArchiveTooBig(f"an extended header of {size_bytes} bytes", name)
    data = _read_exactly(stream, size_bytes, name)
    _skip(stream, -size_bytes % _BLOCK, name)
    return data


def _extend(extended: _Extended, kind: bytes, name: str, data: bytes) -> None:
    if kind == b"L":
        extended.name = _text(data)
    elif kind == b"x":
        records = _pax_records(data, name)
        if any(key.startswith(b"GNU.sparse.") for key in records):
            raise ArchiveSpecialFile(name, _KINDS[b"S"])
        if b"path" in records:
            extended.name = records[b"path"].decode("utf-8", "surrogateescape")
        if b"size" in records:
            if not records[b"size"].isdigit() or len(records[b"size"]) > 20:
                raise ArchiveDamaged("a pax header holds no number where one belongs", name)
            extended.size_bytes = int(records[b"size"])


def _pax_records(data: bytes, name: str) -> dict[bytes, bytes]:
    records: dict[bytes, bytes] = {}
    data, at = data.rstrip(b"\0"), 0
    while at < len(data):
        length, blank, _ = data[at : at + 24].partition(b" ")
        if not (blank and length.isdigit() and len(length) < int(length) <= len(data) - at):
            raise ArchiveDamaged("a pax header is damaged", name)
        key, _, value = data[at + len(length) + 1 : at + int(length)].removesuffix(b"\n").partition(b"=")
        records[key] = value
        at += int(length)
    return records


def _read_exactly(stream: Stream, size_bytes: int, name: str, *, end_allowed: bool = False) -> bytes:
    pieces: list[bytes] = []
    missing = size_bytes
    while missing:
        piece = stream.read(min(missing, _CHUNK))
        if not piece:
            if end_allowed and not pieces:
                return b""
            raise ArchiveDamaged("the tar stream ends too early", name)
        pieces.append(piece)
        missing -= len(piece)
    return b"".join(pieces)


def _skip(stream: Stream, size_bytes: int, name: str) -> None:
    while size_bytes:
        piece = stream.read(min(size_bytes, _CHUNK))
        if not piece:
            raise ArchiveDamaged("the tar stream ends too early", name)
        size_bytes -= len(piece)
