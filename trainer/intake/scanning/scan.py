"""What one pass over an archive found."""

from collections import Counter
from dataclasses import dataclass, field
from itertools import chain

from trainer.intake.archives.limits import IntakeLimits
from trainer.intake.archives.paths import Parts
from trainer.intake.findings import Finding
from trainer.intake.upload import Document, Upload


@dataclass(frozen=True, kw_only=True)
class Skipped:
    """A file that was left out, and why."""

    file: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Spooled:
    """Where the bytes of one distinct image wait; none do where only a look is taken (``size_bytes`` is 0)."""

    suffix: str
    offset: int
    size_bytes: int
    # sha256 hex of the upright RGB pixels and what their colours are: the same picture in other bytes has the same
    pixels: str
    # drawn in white on a transparent ground, so that nothing of it is seen
    vanishes: bool
    # what near-duplicates are found by (`trainer.intake.splits.near_duplicates`)
    thumbnail: bytes
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
    # folders that the archive names
    folders: set[Parts] = field(default_factory=set)
    # files in zip archives whose names are in an encoding that nothing tells
    guessed_names: list[Parts] = field(default_factory=list)
    # folders hidden by a dot in their names: how many images lie in them
    hidden: Counter[Parts] = field(default_factory=Counter)
    skipped: list[Skipped] = field(default_factory=list)
    # containers that were not looked into
    closed: list[Parts] = field(default_factory=list)
    # those that were: the folders that stand for them, and what they are called
    opened: dict[Parts, str] = field(default_factory=dict)
    # what is odd about them
    findings: list[Finding] = field(default_factory=list)
    # files that show what another one shows
    duplicates: int = 0

    def skip(self, parts: Parts, reason: str) -> None:
        self.skipped.append(Skipped(file="/".join(parts), reason=reason))

    def upload(self, limits: IntakeLimits) -> Upload:
        """What the layouts see of it."""
        return Upload(
            images=tuple(sorted(self.promised)),
            documents=tuple(sorted(self.documents, key=lambda document: document.parts)),
            empty_folders=tuple(sorted(self.folders - self._filled_folders())),
            others=dict(sorted(self.others.items())),
            containers=self.opened,
            most_rows=2 * limits.members,
        )

    def _filled_folders(self) -> set[Parts]:
        files = (self.promised, (document.parts for document in self.documents), self.others)
        return {parts[:depth] for parts in chain(*files) for depth in range(1, len(parts))}
