"""One pass over an uploaded archive: every image decoded once, its bytes kept in a spool, everything else noted."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from nettailor.errors import ImageInvalid
from nettailor.images import Picture, decode, unread_picture
from trainer.errors import ArchiveDamaged, ArchiveInvalid, ArchiveTooBig
from trainer.intake.archives.archive import NO_FILE, Member, members
from trainer.intake.archives.formats import is_image_name, kind_of, misnamed, suffix_of
from trainer.intake.archives.limits import IntakeLimits
from trainer.intake.archives.paths import Parts, hidden_folder, is_hidden
from trainer.intake.archives.zip import ZipMember
from trainer.intake.arrays import idx, label_array
from trainer.intake.containers.container import Container
from trainer.intake.containers.registry import CONTAINERS, SUFFIXES
from trainer.intake.findings import Finding
from trainer.intake.scanning.scan import Scan, Spooled
from trainer.intake.scanning.spool import append
from trainer.intake.splits.near_duplicates import thumbnail
from trainer.intake.upload import DOCUMENT_BYTES, Document

# how files that may hold labels are called
_DOCUMENTS = (
    *(".csv", ".tsv", ".tab", ".txt", ".json", ".jsonl", ".ndjson", ".parquet", ".xml", ".yaml", ".yml"),
    *(".manifest", ".labels", ".cls", ".class", ".lst", ".names", ".data", "readme.md"),
    *label_array.SUFFIXES,
)
_PACKED_IDX = tuple(suffix for suffix in idx.SUFFIXES if suffix.endswith(".gz"))


def read_archive(
    archive: Path,
    spool: BinaryIO,
    limits: IntakeLimits,
    progress: Callable[[int], None],
    *,
    keep_images: bool = True,
) -> Scan:
    """Read every file of the archive; ``progress`` hears the number of files seen. Raises ArchiveInvalid.

    Memory: one image at a time, plus about a kilobyte of notes a file. Without ``keep_images`` the bytes of images are
    not written to the spool, which then stays small.
    """
    return _Pass(spool, limits, progress, keep_images=keep_images).run(archive)


class _Pass:
    """One pass over an archive, and over the containers in it."""

    def __init__(
        self, spool: BinaryIO, limits: IntakeLimits, progress: Callable[[int], None], *, keep_images: bool
    ) -> None:
        self._spool = spool
        self._limits = limits
        self._progress = progress
        self._keep_images = keep_images
        self._scan = Scan()
        self._containers: list[Document] = []
        self._files = 0
        self._unpacked_bytes = 0

    def run(self, archive: Path) -> Scan:
        files = 0
        for member in members(archive, self._limits):
            files += not member.is_folder
            self._take(member, is_inside=False)
        if not files:
            raise ArchiveInvalid(NO_FILE)
        # beside a data set of images, an archive is a copy or a backup
        alone = len(self._scan.promised) < self._limits.classes * self._limits.images_per_class
        paths = {document.parts for document in self._containers}
        for document in sorted(self._containers, key=lambda document: document.parts):
            if document.name.endswith(_PACKED_IDX) and (*document.folder, document.parts[-1][:-3]) in paths:
                self._scan.skip(document.parts, "the same, unpacked, lies beside it")  # as torchvision leaves MNIST
            else:
                self._sort_container(document, alone=alone)
        return self._scan

    def _sort_container(self, document: Document, *, alone: bool) -> None:
        named = (each for each in CONTAINERS if document.name.endswith(each.suffixes))
        container = next((each for each in named if each.recognise(document)), None)
        if container is not None and alone:
            self._expand(container, document)
        elif container is not None:
            self._leave_closed(document)
        elif document.name.endswith(_DOCUMENTS) and document.size_bytes <= DOCUMENT_BYTES:
            self._scan.documents.append(document)
        elif document.name.endswith(_DOCUMENTS):
            self._leave_large(document.parts, document.size_bytes, document.head())
        else:
            kind = kind_of(document.head())
            self._scan.others[document.parts] = kind
            self._scan.skip(document.parts, misnamed(document.head()) or _not_read(None, kind))

    def _take(self, member: Member, *, is_inside: bool) -> None:
        """Sort one file into the scan; ``is_inside``: of a container, and then no container itself."""
        self._count(member)
        path = member.path.lower()
        if is_hidden(member.parts):
            self._note_hidden(member)
        elif member.is_folder:
            self._scan.folders.add(member.parts)
        else:
            self._take_file(member, path, is_inside=is_inside)

    def _take_file(self, member: Member, path: str, *, is_inside: bool) -> None:
        """``path`` is the member's in lower case."""
        if isinstance(member.source, ZipMember) and member.source.is_name_guessed:
            self._scan.guessed_names.append(member.parts)
        if path.endswith(SUFFIXES) and not is_inside:
            self._containers += self._spooled(member)
        elif path.endswith(_DOCUMENTS) and member.size_bytes <= DOCUMENT_BYTES:
            self._scan.documents += self._spooled(member)
        elif path.endswith(_DOCUMENTS):
            self._leave_large(member.parts, member.size_bytes, self._start(member))
        else:
            self._take_image(member)

    def _count(self, member: Member) -> None:
        """Hold the archive and what is in its containers to the limits together. Raises ArchiveTooBig."""
        limits = self._limits
        self._files += 1
        self._unpacked_bytes += member.size_bytes
        if self._files > limits.members:
            raise ArchiveTooBig(f"holds more than {limits.members} files", member.path)
        if self._unpacked_bytes > limits.unpacked_bytes:
            raise ArchiveTooBig(f"the archive unpacks to more than {limits.unpacked_bytes} bytes", member.path)
        self._progress(self._files)

    def _note_hidden(self, member: Member) -> None:
        if member.is_folder:
            return  # what lies in it tells of it
        self._scan.skip(member.parts, "hidden: its name, or that of a folder around it, begins with a dot")
        folder = hidden_folder(member.parts)
        if folder is not None and is_image_name(member.path):
            self._scan.hidden[folder] += 1

    def _spooled(self, member: Member) -> list[Document]:
        """The member as a document; none if it is damaged, which is noted."""
        try:
            offset, size_bytes = append(self._spool, member.chunks())
        except ArchiveDamaged as fault:
            self._scan.skip(member.parts, fault.reason)
            return []
        return [Document(parts=member.parts, size_bytes=size_bytes, offset=offset, spool=self._spool)]

    def _expand(self, container: Container, document: Document) -> None:
        """Take what is in a container as if it lay in a folder of the container's name. Raises ArchiveInvalid."""
        suffix = next(suffix for suffix in container.suffixes if document.name.endswith(suffix))
        folder = (*document.folder, document.parts[-1][: -len(suffix)] or suffix)
        self._scan.opened[folder] = container.name
        try:
            for found in container.expand(document, self._limits):
                if isinstance(found, Finding):
                    self._scan.findings.append(found)
                else:
                    self._take(replace(found, parts=folder + found.parts), is_inside=True)
        except ArchiveTooBig:
            raise
        except ArchiveInvalid as fault:
            raise ArchiveInvalid(str(fault), document.path) from fault

    def _leave_closed(self, document: Document) -> None:
        kind = kind_of(document.head())
        self._scan.others[document.parts] = kind
        self._scan.closed.append(document.parts)
        self._scan.skip(document.parts, f"not looked into ({kind}): images lie beside it")

    def _leave_large(self, parts: Parts, size_bytes: int, start: bytes) -> None:
        """Of a file that may hold labels: what it says is not known, and may be missed."""
        path, size = "/".join(parts), f"{size_bytes} bytes, the limit for a file of labels is {DOCUMENT_BYTES}"
        self._scan.others[parts] = kind_of(start)
        self._scan.skip(parts, size)
        text = f"{path} is not read: {size}. Split it, or take out of it what tells no class."
        self._scan.findings.append(Finding(weight="warning", text=text, files=(path,)))

    def _start(self, member: Member) -> bytes:
        """Its first bytes; none if it is damaged, as the reader of the whole of it would find."""
        try:
            return next(member.chunks(), b"")
        except ArchiveDamaged:
            return b""

    def _take_image(self, member: Member) -> None:
        image = self._usable(member)
        if image is not None or is_image_name(member.path):
            self._scan.promised.append(member.parts)
        if image is not None:
            self._scan.images.append((member.parts, self._store(*image)))

    def _usable(self, member: Member) -> tuple[bytes, Picture] | None:
        """The member's bytes and picture if it is an image within the limits; otherwise the reason is noted."""
        limits = self._limits
        try:
            if member.size_bytes > limits.image_bytes:
                size = f"{member.size_bytes} bytes, the limit for one image is {limits.image_bytes}"
                self._leave_out(member, next(member.chunks(), b""), size)
                return None
            data = member.read()
            if suffix_of(data) is None:
                self._leave_out(member, data, None)
                return None
            return data, decode(data, max_pixels=limits.image_pixels)
        except ImageInvalid as fault:
            self._scan.skip(member.parts, fault.reason)
        except ArchiveDamaged as fault:
            self._scan.skip(member.parts, fault.reason)
        return None

    def _leave_out(self, member: Member, start: bytes, reason: str | None) -> None:
        """Note a file that is not read; without another reason, what its first bytes say that it is."""
        picture, kind = unread_picture(start), kind_of(start)
        if not is_image_name(member.path):
            if picture is not None:
                self._scan.promised.append(member.parts)
            else:
                self._scan.others[member.parts] = kind
        self._scan.skip(member.parts, reason or _not_read(picture, kind))

    def _store(self, data: bytes, picture: Picture) -> str:
        digest = hashlib.sha256(data).hexdigest()
        if digest not in self._scan.spooled:
            offset, size_bytes = append(self._spool, [data] if self._keep_images else [])
            self._scan.spooled[digest] = Spooled(
                suffix=suffix_of(data) or "img",
                offset=offset,
                size_bytes=size_bytes,
                pixels=_pixels_digest(picture),
                vanishes=picture.vanishes,
                thumbnail=thumbnail(picture.pixels),
                size=picture.size,
                mode=picture.mode,
            )
        return digest


def _pixels_digest(picture: Picture) -> str:
    digest = hashlib.sha256(b"%d %d " % picture.size)
    digest.update(picture.pixels.tobytes())
    digest.update(picture.profile)
    return digest.hexdigest()


def _not_read(picture: str | None, kind: str) -> str:
    if picture is not None:
        return f"{picture}, not supported"
    return "not an image" if kind in {"text", "unknown"} else f"not an image ({kind})"
