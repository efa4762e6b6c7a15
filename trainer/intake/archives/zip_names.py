"""What the members of a zip archive are called, in whatever encoding their names were written.

Only some writers say that a name is UTF-8 (flag bit 11). Info-ZIP's `zip` writes the system's bytes, which are UTF-8 on
Linux, and may repeat the name in an extra field; the Finder writes UTF-8 and does not say so; old writers for Windows
write the code page of DOS.
"""

import struct
import zipfile
import zlib
from collections.abc import Iterator

from trainer.errors import ArchiveDamaged

_IS_UTF8 = 0x800
_CODE_PAGE = "cp437"  # what zipfile decodes all other names with; every byte is some character in it
_UNICODE_PATH = 0x7075
_UNICODE_PATH_HEAD = 5  # its version, and the checksum of the raw name that it stands for


def names_of(entries: list[zipfile.ZipInfo]) -> list[str]:
    """The entries' names. Raises ArchiveDamaged where two names that are written differently turn out to be one."""
    names: list[str] = []
    written: dict[str, bytes] = {}
    for entry in entries:
        raw = _raw(entry)
        name = _decoded(entry, raw)
        if written.setdefault(name, raw) != raw:
            raise ArchiveDamaged("two members have this name, in different encodings; pack the archive anew", name)
        names.append(name)
    return names


def is_guessed(name: str, entry: zipfile.ZipInfo) -> bool:
    """Whether nothing tells the encoding of a name that `names_of` gave, so that it may be another one than that."""
    return name == entry.orig_filename and not name.isascii() and not entry.flag_bits & _IS_UTF8


def _raw(entry: zipfile.ZipInfo) -> bytes:
    return entry.orig_filename.encode("utf-8" if entry.flag_bits & _IS_UTF8 else _CODE_PAGE)


def _decoded(entry: zipfile.ZipInfo, raw: bytes) -> str:
    if entry.flag_bits & _IS_UTF8:
        return entry.orig_filename
    candidates = (*_unicode_paths(entry.extra, raw), raw)
    return next((name for name in map(_utf8, candidates) if name), entry.orig_filename)


def _utf8(raw: bytes) -> str | None:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _unicode_paths(extra: bytes, raw: bytes) -> Iterator[bytes]:
    """UTF-8 names in an entry's extra fields. One whose checksum is not that of the raw name is stale: a tool that
    does not know the field has renamed the member since."""
    at = 0
    while at + 4 <= len(extra):
        kind, size = struct.unpack_from("<HH", extra, at)
        at += 4
        if kind == _UNICODE_PATH and size > _UNICODE_PATH_HEAD and at + size <= len(extra):
            version, checksum = struct.unpack_from("<BL", extra, at)
            if version == 1 and checksum == zlib.crc32(raw):
                yield extra[at + _UNICODE_PATH_HEAD : at + size]
        at += size
