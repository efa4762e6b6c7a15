"""Reads zip files of strangers: the directory is measured before the standard library parses it into objects."""

import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import BinaryIO, cast

from trainer.errors import (
    ArchiveDamaged,
    ArchiveLink,
    ArchivePathUnsafe,
    ArchiveSpecialFile,
    ArchiveTooBig,
    ArchiveUnsupported,
)
from trainer.intake.archives.limits import IntakeLimits
from trainer.intake.archives.tar import Stream
from trainer.intake.archives.zip_bzip2 import Bunzip2
from trainer.intake.archives.zip_names import is_guessed, names_of

_ENTRY = b"PK\x01\x02"
_ENTRY_BYTES = 46
_CHUNK = 1 << 16
_ENCRYPTED = 0x1
# Others need odd amounts of memory (LZMA up to 4 GB for its dictionary) or are not in the standard library.
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2}
_OTHER_METHODS = {9: "Deflate64", 14: "LZMA", 93: "Zstandard", 95: "XZ", 98: "PPMd", 99: "AES encryption"}


@dataclass(kw_only=True)
class ZipMember:
    """A regular file or folder of the archive."""

    name: str
    size_bytes: int
    archive: zipfile.ZipFile
    entry: zipfile.ZipInfo

    @property
    def is_folder(self) -> bool:
        """By the slash that the format asks for; some Windows packers write a backslash, others only the mode."""
        empty = self.name.endswith("\\") or stat.S_ISDIR(_mode(self.entry))
        return self.name.endswith("/") or (empty and not self.size_bytes)

    @property
    def is_name_guessed(self) -> bool:
        return is_guessed(self.name, self.entry)

    def read(self) -> bytes:
        """Its bytes, checked against size and CRC. Raises ArchiveDamaged."""
        return b"".join(self.chunks())

    def chunks(self) -> Iterator[bytes]:
        """Its bytes, piece by piece; size and CRC are checked at the end. Raises ArchiveDamaged."""
        count = 0
        try:
            with self._open() as file:  # NotImplementedError: a compression Python has no code for
                while data := file.read(min(_CHUNK, self.size_bytes + 1 - count)):
                    count += len(data)
                    yield data
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError) as failure:
            raise ArchiveDamaged(str(failure) or type(failure).__name__, self.name) from None
        if count != self.size_bytes:
            raise ArchiveDamaged(f"{count} bytes where the directory says {self.size_bytes}", self.name)

    def _open(self) -> AbstractContextManager[Stream]:
        if self.entry.compress_type == zipfile.ZIP_BZIP2:
            return Bunzip2(self.archive, self.entry)
        return self.archive.open(self.entry)


def members(file: BinaryIO, limits: IntakeLimits) -> Iterator[ZipMember]:
    """Its regular files and folders, once the whole directory is checked. Raises subclasses of ArchiveInvalid."""
    archive = _open(file, limits)
    entries = archive.infolist()
    named = list(zip(names_of(entries), entries, strict=True))
    for name, entry in named:
        _check(name, entry)
    _check_total(named, file.seek(0, 2), limits)
    for name, entry in named:
        yield ZipMember(name=name, size_bytes=entry.file_size, archive=archive, entry=entry)


class _Measured:
    """The file as zipfile sees it while it opens: a read of a directory larger than the limits is refused."""

    def __init__(self, file: BinaryIO, limits: IntakeLimits) -> None:
        self._file = file
        self._limits = limits
        self.opened = False
        self.seek = file.seek
        self.tell = file.tell
        self.seekable = file.seekable

    def read(self, size: int = -1) -> bytes:
        if not self.opened and size > self._limits.members * (_ENTRY_BYTES + self._limits.path_bytes):
            raise ArchiveTooBig(f"a directory of {size} bytes; at most {self._limits.members} files are accepted")
        data = self._file.read(size)
        if not self.opened and _entries(data) > self._limits.members:
            raise ArchiveTooBig(f"holds more than {self._limits.members} files")
        return data


def _entries(directory: bytes) -> int:
    count = at = 0
    while directory[at : at + 4] == _ENTRY and len(directory) >= at + _ENTRY_BYTES:
        at += _ENTRY_BYTES + sum(struct.unpack_from("<HHH", directory, at + 28))
        count += 1
    return count


def _open(file: BinaryIO, limits: IntakeLimits) -> zipfile.ZipFile:
    measured = _Measured(file, limits)
    try:
        archive = zipfile.ZipFile(cast(BinaryIO, measured))  # NotImplementedError: a zip version beyond Python's
    except UnicodeDecodeError as failure:
        name = failure.object.decode("utf-8", "surrogateescape")
        raise ArchivePathUnsafe("the archive says that the name is UTF-8 text, and it is not", name) from None
    except (zipfile.BadZipFile, ValueError, NotImplementedError, struct.error, OSError) as failure:
        raise ArchiveDamaged(f"the zip directory cannot be read, the file may be cut off ({failure})") from None
    measured.opened = True
    return archive


def _mode(entry: zipfile.ZipInfo) -> int:
    """As of Unix; 0 where the archive was written on another system."""
    return entry.external_attr >> 16


def _check(name: str, entry: zipfile.ZipInfo) -> None:
    kind = stat.S_IFMT(_mode(entry))
    if kind == stat.S_IFLNK:
        raise ArchiveLink(name)
    if kind not in {0, stat.S_IFREG, stat.S_IFDIR}:
        raise ArchiveSpecialFile(name, "a device, pipe or socket")
    if entry.flag_bits & _ENCRYPTED:
        raise ArchiveUnsupported("encrypted: pack it anew, without a password", name)
    if entry.compress_type not in _METHODS:
        raise ArchiveUnsupported(_refusal(entry.compress_type), name)


def _refusal(method: int) -> str:
    packed = _OTHER_METHODS.get(method, "a method that is not known")
    mend = "pack it anew with deflate (zip -r data.zip folder; in 7-Zip: zip, method Deflate), or as tar.gz or tar.zst"
    return f"packed with {packed} (compression method {method}), which is not read: {mend}"


def _check_total(named: list[tuple[str, zipfile.ZipInfo]], packed_bytes: int, limits: IntakeLimits) -> None:
    unpacked_bytes = sum(entry.file_size for _, entry in named)
    name, _ = max(named, key=lambda each: each[1].file_size, default=(None, None))
    if unpacked_bytes > limits.unpacked_bytes:
        reason = (
            f"the archive unpacks to {unpacked_bytes} bytes, the limit is {limits.unpacked_bytes}; this is the largest"
        )
        raise ArchiveTooBig(reason, name)
    if unpacked_bytes > limits.ratio_floor_bytes and unpacked_bytes > limits.ratio * packed_bytes:
        times = unpacked_bytes / packed_bytes
        reason = (
            f"the archive unpacks to {times:.0f} times its size, the limit is {limits.ratio:g}; this is the largest"
        )
        raise ArchiveTooBig(reason, name)
