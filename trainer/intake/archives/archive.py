"""An uploaded archive of any accepted kind as one stream of files and folders, with the limits kept."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from nettailor.images import unread_picture
from nettailor.images.containers import container_of
from trainer.errors import ArchiveDamaged, ArchiveInvalid, ArchivePathUnsafe, ArchiveTooBig, NotAnArchive, UploadEmpty
from trainer.intake.archives import tar, zip, zst
from trainer.intake.archives.formats import kind_of
from trainer.intake.archives.limits import IntakeLimits
from trainer.intake.archives.mends import MENDS
from trainer.intake.archives.paths import Parts, is_litter, safe_parts
from trainer.intake.archives.whole_file import PARQUET, WholeFile

NO_FILE = "the archive holds no file"

_TAR_BLOCK = 512
_DRAIN_BYTES = 1 << 16


class _Readable(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def size_bytes(self) -> int: ...
    @property
    def is_folder(self) -> bool: ...
    def read(self) -> bytes: ...
    def chunks(self) -> Iterator[bytes]: ...


@dataclass(frozen=True, kw_only=True)
class Member:
    """A regular file or folder in an archive. Its bytes can be had once, until the next member is asked for."""

    parts: Parts
    size_bytes: int
    source: _Readable

    @property
    def path(self) -> str:
        return "/".join(self.parts)

    @property
    def is_folder(self) -> bool:
        """Many archives name no folders, or only some: a folder may be there without a member of its own."""
        return self.source.is_folder

    def read(self) -> bytes:
        """Its bytes; the caller has checked ``size_bytes``. Raises ArchiveDamaged."""
        return self.source.read()

    def chunks(self) -> Iterator[bytes]:
        """Its bytes, piece by piece, however many they are. Raises ArchiveDamaged."""
        return self.source.chunks()


@dataclass(frozen=True, kw_only=True)
class ArchiveSummary:
    files: int
    unpacked_bytes: int


def members(path: Path, limits: IntakeLimits) -> Iterator[Member]:
    """Every regular file and folder of the archive at ``path`` in its order, without litter.

    A Parquet file is an archive of itself. Raises UploadEmpty and ArchiveInvalid.
    """
    with path.open("rb") as file:
        yield from members_of(file, limits)


def members_of(file: BinaryIO, limits: IntakeLimits) -> Iterator[Member]:
    """As `members`, of an archive that is open."""
    unpacked_bytes = 0
    for count, source in enumerate(_sources(file, limits), start=1):
        unpacked_bytes += source.size_bytes
        if count > limits.members:
            raise ArchiveTooBig(f"holds more than {limits.members} files and folders", source.name)
        if unpacked_bytes > limits.unpacked_bytes:
            raise ArchiveTooBig(f"the archive unpacks to more than {limits.unpacked_bytes} bytes", source.name)
        parts = _parts(source, limits)
        if parts:
            yield Member(parts=parts, size_bytes=source.size_bytes, source=source)


def _parts(source: _Readable, limits: IntakeLimits) -> Parts:
    """Raises ArchivePathUnsafe, but not for litter, and not for folders: one of an odd name is as good as not there."""
    if is_litter(source.name):
        return ()
    try:
        return safe_parts(source.name, limits)
    except ArchivePathUnsafe:
        if source.is_folder:
            return ()
        raise


def inspect(path: Path, limits: IntakeLimits) -> ArchiveSummary:
    """Walk the whole archive without decoding an image: every fault of the archive itself is found here.

    Raises UploadEmpty and ArchiveInvalid. Memory is bounded; a compressed tar is decompressed once.
    """
    files = unpacked_bytes = 0
    for member in members(path, limits):
        files += not member.is_folder
        unpacked_bytes += member.size_bytes
    if not files:
        raise ArchiveInvalid(NO_FILE)
    return ArchiveSummary(files=files, unpacked_bytes=unpacked_bytes)


def _sources(file: BinaryIO, limits: IntakeLimits) -> Iterator[_Readable]:
    start = file.read(_TAR_BLOCK)
    file.seek(0)
    if not start:
        raise UploadEmpty
    if start[:4] in {b"PK\x03\x04", b"PK\x05\x06"}:
        return zip.members(file, limits)
    if start[:2] == b"\x1f\x8b":
        return _unpacked(tar.Gunzip, file, limits)
    if start[:4] == zst.MAGIC:
        return _unpacked(zst.Unzstd, file, limits)
    if len(start) == _TAR_BLOCK and tar.has_valid_checksum(start):
        return tar.members(file)
    if start[:4] == PARQUET:
        return iter([WholeFile(name="upload.parquet", file=file)])
    kind = kind_of(start)
    if kind == "unknown" and (picture := container_of(start) or unread_picture(start)):
        raise NotAnArchive(start, f"{picture} image", "pack all images, in a folder a class")
    raise NotAnArchive(start, kind if kind != "unknown" else "", MENDS.get(kind, ""))


def _unpacked(
    unpack: Callable[[BinaryIO, IntakeLimits], tar.Stream], file: BinaryIO, limits: IntakeLimits
) -> Iterator[_Readable]:
    start = tar.peek(unpack(file, limits), _TAR_BLOCK)
    file.seek(0)
    if not start:
        raise ArchiveDamaged("the compressed stream holds nothing, or ends too early")
    if not (len(start) == _TAR_BLOCK and tar.has_valid_checksum(start)):
        raise NotAnArchive(start)
    stream = unpack(file, limits)
    yield from tar.members(stream)
    while stream.read(_DRAIN_BYTES):
        pass  # to the end of the compressed stream, where its checksum is
