"""What an archive holds, as the layouts see it: the paths of its images, its documents, and everything else by name."""

import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO, TypeVar, cast

from trainer.intake.archives.paths import Parts
from trainer.intake.scanning.spool import Range

T = TypeVar("T")

NOT_JSON = "not JSON"
DOCUMENT_BYTES = 64 * 1024**2  # a larger one is no list of labels for the images one upload may hold
_JSON_VALUES = 8_000_000  # in one document: each takes some hundred bytes once it is parsed
_HEAD_BYTES = 4096


class DocumentUnreadable(Exception):
    """The document cannot be parsed as what it claims to be; its text is the reason."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Document:
    """A file that may hold labels. Its bytes wait in the spool, on disk, until somebody reads them."""

    parts: Parts
    size_bytes: int
    offset: int
    spool: BinaryIO

    @property
    def path(self) -> str:
        return "/".join(self.parts)

    @property
    def folder(self) -> Parts:
        return self.parts[:-1]

    @property
    def name(self) -> str:
        """The file's name in lower case."""
        return self.parts[-1].lower()

    @property
    def suffix(self) -> str:
        """In lower case, with its dot; "" where the name has none."""
        _, dot, suffix = self.name.rpartition(".")
        return dot + suffix if dot else ""

    def head(self, size_bytes: int = _HEAD_BYTES) -> bytes:
        """The first bytes: cheap, for a look at what the document might be."""
        self.spool.seek(self.offset)
        return self.spool.read(min(size_bytes, self.size_bytes))

    def read(self) -> bytes:
        """All of it, at most ``DOCUMENT_BYTES``."""
        return self.head(self.size_bytes)

    def json(self) -> Any:
        """Raises `DocumentUnreadable`: also for one that would take much more memory than its bytes."""
        data = self.read()
        if sum(map(data.count, (b",", b"[", b"{"))) > _JSON_VALUES:
            raise DocumentUnreadable(f"more than {_JSON_VALUES} values")
        try:
            return json.loads(data.decode(json.detect_encoding(data)).removeprefix("\ufeff"))
        except json.JSONDecodeError as fault:
            raise DocumentUnreadable(f"{NOT_JSON}: line {fault.lineno}, column {fault.colno}: {fault.msg}") from None
        except (ValueError, RecursionError):
            raise DocumentUnreadable(NOT_JSON) from None

    def file(self) -> BinaryIO:
        """The document as a file of its own, for libraries that want one; of use while the upload is being read."""
        return cast(BinaryIO, io.BufferedReader(Range(self.spool, self.offset, self.size_bytes)))


@dataclass(frozen=True, kw_only=True, eq=False)
class Upload:
    """What the archive holds, litter of operating systems apart. Everything is in the order of the paths."""

    # of images, and of files that promise to be one by their name or their first bytes, readable or not
    images: tuple[Parts, ...]
    # files that may hold labels, by their names
    documents: tuple[Document, ...] = ()
    # folders without a file in them or below
    empty_folders: tuple[Parts, ...] = ()
    # every other file, and what it is ("PDF", "video (MP4)", "text")
    others: Mapping[Parts, str] = field(default_factory=dict)
    # folders that stand for containers which were opened, and what these are called
    containers: Mapping[Parts, str] = field(default_factory=dict)
    # how many rows a list of labels may have
    most_rows: int = 400_000
    _made: dict[object, object] = field(default_factory=dict)

    def once(self, make: Callable[["Upload"], T]) -> T:
        """What ``make`` makes of this upload. It is called once: a layout's `recognise` and `read` share its work."""
        if make not in self._made:
            self._made[make] = make(self)
        return cast(T, self._made[make])
