"""One pass over an uploaded archive: every image decoded once, its bytes kept in a spool, everything else noted."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from nettailor.errors import ImageInvalid
from nettailor.images import decode
from trainer.archive import Member, members
from trainer.errors import ArchiveDamaged
from trainer.formats import is_image_name, suffix_of
from trainer.limits import IntakeLimits
from trainer.paths import Parts, is_litter


@dataclass(frozen=True, kw_only=True)
class Skipped:
    """A file that was left out, and why."""

    file: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Spooled:
    """Where the bytes of one distinct image wait."""

    suffix: str
    offset: int
    size_bytes: int


@dataclass(kw_only=True)
class Scan:
    """What one pass over the archive found."""

    # usable images: path and digest (sha256 hex); equal images appear once a path
    images: list[tuple[Parts, str]] = field(default_factory=list)
    # digest -> bytes
    spooled: dict[str, Spooled] = field(default_factory=dict)
    # paths of images and of files that claim to be one: they tell the layout
    promised: list[Parts] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)

    def skip(self, parts: Parts, reason: str) -> None:
        self.skipped.append(Skipped(file="/".join(parts), reason=reason))


def scan_archive(archive: Path, spool: BinaryIO, limits: IntakeLimits, progress: Callable[[int], None]) -> Scan:
    """Read every file of the archive; ``progress`` hears the number of files seen. Raises ArchiveInvalid.

    Memory: one image at a time, plus about a kilobyte of notes a file.
    """
    scan = Scan()
    for number, member in enumerate(members(archive, limits), start=1):
        progress(number)
        if is_litter(member.parts):
            continue
        data = _usable_bytes(member, scan, limits)
        if data is not None or is_image_name(member.path):
            scan.promised.append(member.parts)
        if data is not None:
            scan.images.append((member.parts, _store(data, scan, spool)))
    return scan


def _store(data: bytes, scan: Scan, spool: BinaryIO) -> str:
    digest = hashlib.sha256(data).hexdigest()
    if digest not in scan.spooled:
        suffix = suffix_of(data) or "img"
        scan.spooled[digest] = Spooled(suffix=suffix, offset=spool.tell(), size_bytes=len(data))
        spool.write(data)
    return digest


def _usable_bytes(member: Member, scan: Scan, limits: IntakeLimits) -> bytes | None:
    """The member's bytes if they are an image within the limits; otherwise the reason is noted."""
    if member.size_bytes > limits.image_bytes:
        scan.skip(member.parts, f"{member.size_bytes} bytes, the limit for one image is {limits.image_bytes}")
        return None
    try:
        data = member.read()
        if suffix_of(data) is None:
            scan.skip(member.parts, "not an image")
            return None
        decode(data, max_pixels=limits.image_pixels)
    except ImageInvalid as fault:
        scan.skip(member.parts, fault.reason)
        return None
    except ArchiveDamaged as fault:
        scan.skip(member.parts, fault.reason)
        return None
    return data
