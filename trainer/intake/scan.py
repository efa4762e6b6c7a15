"""One pass over an uploaded archive: every image decoded once, its bytes kept in a spool, everything else noted."""

import hashlib
import io
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from nettailor.errors import ImageInvalid
from nettailor.images import Picture, decode
from trainer.errors import ArchiveDamaged
from trainer.intake.archives.archive import Member, members
from trainer.intake.archives.formats import is_image_name, suffix_of
from trainer.intake.archives.limits import IntakeLimits
from trainer.intake.archives.paths import Parts, is_litter
from trainer.intake.upload import DOCUMENT_BYTES, Document, Upload

# what files that may hold labels are called
_DOCUMENTS = (
    *(".csv", ".tsv", ".tab", ".txt", ".json", ".jsonl", ".ndjson", ".parquet", ".xml", ".yaml", ".yml"),
    *(".manifest", ".labels", ".cls", ".lst", ".names", ".data"),
)


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
    # sha256 hex of the upright RGB pixels: the same picture in other bytes has the same
    pixels: str
    # width, height, upright
    size: tuple[int, int]
    # Pillow's word for what the file held
    mode: str


@dataclass(kw_only=True)
class Scan:
    """What one pass over the archive found."""

    # usable images: path and digest (sha256 hex); equal images appear once a path
    images: list[tuple[Parts, str]] = field(default_factory=list)
    # digest -> bytes
    spooled: dict[str, Spooled] = field(default_factory=dict)
    # paths of images and of files that claim to be one: they tell the layout
    promised: list[Parts] = field(default_factory=list)
    # files that may hold labels
    documents: list[Document] = field(default_factory=list)
    # every other file, and what it is
    others: dict[Parts, str] = field(default_factory=dict)
    skipped: list[Skipped] = field(default_factory=list)
    # files that show what another one shows
    duplicates: int = 0

    def skip(self, parts: Parts, reason: str) -> None:
        self.skipped.append(Skipped(file="/".join(parts), reason=reason))

    def upload(self, limits: IntakeLimits) -> Upload:
        """What the layouts see of it."""
        return Upload(
            images=tuple(sorted(self.promised)),
            documents=tuple(sorted(self.documents, key=lambda document: document.parts)),
            others=dict(sorted(self.others.items())),
            most_rows=2 * limits.members,
        )


def scan_archive(archive: Path, spool: BinaryIO, limits: IntakeLimits, progress: Callable[[int], None]) -> Scan:
    """Read every file of the archive; ``progress`` hears the number of files seen. Raises ArchiveInvalid.

    Memory: one image at a time, plus about a kilobyte of notes a file.
    """
    scan = Scan()
    for number, member in enumerate(members(archive, limits), start=1):
        progress(number)
        if is_litter(member.parts):
            continue
        if member.path.lower().endswith(_DOCUMENTS) and member.size_bytes <= DOCUMENT_BYTES:
            _keep_document(member, scan, spool)
            continue
        image = _usable(member, scan, limits)
        if image is not None or is_image_name(member.path):
            scan.promised.append(member.parts)
        if image is not None:
            scan.images.append((member.parts, _store(*image, scan, spool)))
    return scan


def _keep_document(member: Member, scan: Scan, spool: BinaryIO) -> None:
    try:
        data = member.read()
    except ArchiveDamaged as fault:
        scan.skip(member.parts, fault.reason)
    else:
        offset = spool.seek(0, io.SEEK_END)
        spool.write(data)
        scan.documents.append(Document(parts=member.parts, size_bytes=len(data), offset=offset, spool=spool))


def _store(data: bytes, picture: Picture, scan: Scan, spool: BinaryIO) -> str:
    digest = hashlib.sha256(data).hexdigest()
    if digest not in scan.spooled:
        scan.spooled[digest] = Spooled(
            suffix=suffix_of(data) or "img",
            offset=spool.seek(0, io.SEEK_END),
            size_bytes=len(data),
            pixels=hashlib.sha256(b"%d %d " % picture.size + picture.pixels.tobytes()).hexdigest(),
            size=picture.size,
            mode=picture.mode,
        )
        spool.write(data)
    return digest


def _usable(member: Member, scan: Scan, limits: IntakeLimits) -> tuple[bytes, Picture] | None:
    """The member's bytes and picture if it is an image within the limits; otherwise the reason is noted."""
    if member.size_bytes > limits.image_bytes:
        scan.skip(member.parts, f"{member.size_bytes} bytes, the limit for one image is {limits.image_bytes}")
        return None
    try:
        data = member.read()
        if suffix_of(data) is None:
            scan.skip(member.parts, "not an image")
            if not is_image_name(member.path):
                scan.others[member.parts] = "no image"
            return None
        return data, decode(data, max_pixels=limits.image_pixels)
    except ImageInvalid as fault:
        scan.skip(member.parts, fault.reason)
    except ArchiveDamaged as fault:
        scan.skip(member.parts, fault.reason)
    return None
