"""What has been predicted so far, beside the file that the results will be in.

The first line says what was asked for, each further line is an image. A line counts if it is whole: what a killed
process or a full disk leaves at the end is overwritten, and those images are asked about again. The last line, written
before the results get their name, is the digest of their file: it tells a finished file from an older one of that name.
"""

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from cli.batch.entry import Entry
from cli.errors import CannotWrite, NoJournal, ResultsInUse
from hosting.processes.file_lock import FileLock
from nettailor.durable import make_folder_durably, sync_folder

_SYNC_SECONDS = 1.0  # of predictions that a power cut may cost; a killed process costs none
_FORMAT = 1
_BEGINNING = b'{"format":'

Document = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the results are of. `version` is None unless one was named; `pinned`: each task answers with one version,
    that of its first answer."""

    folder: str
    tasks: tuple[str, ...]
    version: int | None
    top_k: int
    pinned: bool

    def document(self) -> Document:
        return {"format": _FORMAT, **asdict(self), "tasks": list(self.tasks)}


@dataclass(kw_only=True)
class Tally:
    """What a journal holds. `versions` is, by task, the version that answered first."""

    paths: set[str] = field(default_factory=set)
    failed: int = 0
    versions: dict[str, int] = field(default_factory=dict)

    def add(self, entry: Entry) -> None:
        self.paths.add(entry.path)
        self.failed += entry.error is not None
        for answer in entry.answers:
            self.versions.setdefault(answer.task, answer.version)


class Journal:
    """A context manager; one process has it at a time. Raises `ResultsInUse`, `NoJournal`, `CannotWrite`."""

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.path = path
        self.asked: Document | None = None  # None: it is new
        self.tally = Tally()
        self.digest: str | None = None  # of results that were about to get their name
        self._clock = clock
        self._synced_at = clock()
        self._lock = FileLock(path)
        self._file = -1
        self._end = 0  # of the whole lines
        self._is_trimmed = False  # whether the file ends there

    def __enter__(self) -> Self:
        with _failing(self.path):
            make_folder_durably(self.path.parent)
            if not self._lock.acquire():
                raise ResultsInUse(self.path)
            try:
                self._file = os.open(self.path, os.O_RDWR)
                self._read()
            except BaseException:
                self._close()
                raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if not self.tally.paths:
            self.path.unlink(missing_ok=True)
        self._close()

    def begin(self, asked: Asked) -> None:
        """Forget what it holds."""
        self.asked, self.tally, self.digest = asked.document(), Tally(), None
        self._end, self._is_trimmed = 0, False
        with _failing(self.path):
            self._write(_line(self.asked))
            self._sync()
            sync_folder(self.path.parent)

    def append(self, entry: Entry) -> None:
        with _failing(self.path):
            self._write(entry.line())
            self.tally.add(entry)
            if self._clock() - self._synced_at >= _SYNC_SECONDS:
                self._sync()

    def seal(self, digest: str) -> None:
        """The results have this digest, and get their name next."""
        with _failing(self.path):
            self._write(_line({"digest": digest}))
            self._sync()

    def entries(self) -> Iterator[Entry]:
        """All images, in the order in which they were added."""
        with _failing(self.path):
            for document, _ in self._whole_lines():
                if "path" in document:
                    yield Entry.of_document(document)

    def remove(self) -> None:
        with _failing(self.path):
            self.path.unlink()
            sync_folder(self.path.parent)

    def _read(self) -> None:
        for document, end in self._whole_lines():
            if self.asked is None:
                self.asked = document
            elif "digest" in document:
                self.digest = document["digest"]
                return  # it goes when something is added
            else:
                self.tally.add(Entry.of_document(document))
            self._end = end

    def _whole_lines(self) -> Iterator[tuple[Document, int]]:
        """Each with its end in the file, up to the first that is not whole."""
        end = 0
        with self.path.open("rb") as file:
            for line in file:
                if end == 0 and line[: len(_BEGINNING)] != _BEGINNING[: len(line)]:
                    raise NoJournal(self.path)
                document = _document(line)
                if document is None:
                    return
                end += len(line)
                yield document, end

    def _write(self, line: bytes) -> None:
        if not self._is_trimmed:
            os.ftruncate(self._file, self._end)
            self._is_trimmed = True
        while line:
            written = os.pwrite(self._file, line, self._end)
            self._end, line = self._end + written, line[written:]

    def _sync(self) -> None:
        os.fsync(self._file)
        self._synced_at = self._clock()

    def _close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
        self._lock.release()


def _line(document: Document) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode() + b"\n"


def _document(line: bytes) -> Document | None:
    """None for a line that is not whole."""
    if not line.endswith(b"\n"):
        return None
    try:
        document = json.loads(line)
    except ValueError:
        return None
    return document if isinstance(document, dict) else None


@contextmanager
def _failing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CannotWrite(path, error) from error
