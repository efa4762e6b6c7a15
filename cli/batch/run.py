"""Predictions for all images of a folder, written as one table; broken off at any moment, they go on from there."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from cli.batch.bar import BatchBar
from cli.batch.entry import Answer, Entry, Label
from cli.batch.journal import Asked, Journal
from cli.batch.tables import Write, writer_for
from cli.errors import CannotWrite, NoImages, OptionUnusable, PredictionsStopped, ResultsExist, ResultsOfAnother
from nettailor.durable import sync_folder
from nettailor_client import Client, ClientError
from nettailor_client.folders.predictions import FolderPrediction
from nettailor_client.folders.walk import files_in


@dataclass(frozen=True, kw_only=True)
class Batch:
    """What to predict, and where to. `version` is None unless one was named; `pinned`: no task changes its version
    meanwhile."""

    tasks: tuple[str, ...]
    folder: Path
    out: Path
    version: int | None = None
    top_k: int = 1
    pinned: bool = True
    in_flight: int = 4
    overwrite: bool = False

    @property
    def journal(self) -> Path:
        return self.out.with_name(f"{self.out.name}.journal")

    def asked(self) -> Asked:
        return Asked(
            folder=str(self.folder.resolve()),
            tasks=self.tasks,
            version=self.version,
            top_k=self.top_k,
            pinned=self.pinned,
        )


@dataclass(frozen=True, kw_only=True)
class Done:
    """`per_second` is of the images that were predicted just now."""

    images: int
    failed: int
    per_second: float


def run_batch(client: Client, batch: Batch, console: Console) -> Done:
    """Ask about every image that the journal does not have yet, then write the results.

    Raises `OptionUnusable`, `NoImages`, `ResultsExist`, `ResultsInUse`, `ResultsOfAnother`, `NoJournal`,
    `PredictionsStopped`, `CannotWrite`.
    """
    _check(batch)
    write = writer_for(batch.out)
    with Journal(batch.journal) as journal:
        if journal.digest is not None and batch.out.is_file() and _digest(batch.out) == journal.digest:
            per_second = 0.0  # it was killed between its last two steps
        else:
            _open(journal, batch)
            per_second = _predict(client, batch, journal, console)
            _write_results(batch, journal, write)
        journal.remove()
        return Done(images=len(journal.tally.paths), failed=journal.tally.failed, per_second=per_second)


def _check(batch: Batch) -> None:
    if len(set(batch.tasks)) < len(batch.tasks) or not all(batch.tasks):
        raise OptionUnusable(f"{','.join(batch.tasks)!r} names a task twice, or none between two commas")
    if batch.version is not None and (len(batch.tasks) > 1 or "@" in batch.tasks[0]):
        raise OptionUnusable("--version goes with one task without an alias")


def _open(journal: Journal, batch: Batch) -> None:
    if batch.out.exists() and not batch.overwrite:
        raise ResultsExist(batch.out)
    asked = batch.asked()
    if journal.asked is None or not journal.tally.paths:
        journal.begin(asked)
    elif differences := _differences(journal.asked, asked.document()):
        if not batch.overwrite:
            raise ResultsOfAnother(batch.journal, differences)
        journal.begin(asked)


def _differences(before: dict[str, object], now: dict[str, object]) -> str:
    names = [name for name in now if before.get(name) != now[name]]
    return ", ".join(f"{name} {_shown(before.get(name))}, not {_shown(now[name])}" for name in names)


def _shown(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def _predict(client: Client, batch: Batch, journal: Journal, console: Console) -> float:
    """Images a second."""
    tally = journal.tally
    named = {} if batch.version is None else {batch.tasks[0]: batch.version}
    with _stopping(batch, journal, console):
        total = len(tally.paths) + _images_left(batch.folder, tally.paths)
        with BatchBar(total, len(tally.paths), console) as bar:
            for prediction in client.predict_folder(
                batch.tasks,
                batch.folder,
                top_k=batch.top_k,
                pin=batch.pinned,
                versions=(tally.versions | named) if batch.pinned else named,
                skip=tally.paths,
                in_flight=batch.in_flight,
                waiting=bar.wait,
            ):
                journal.append(_entry(prediction, batch.tasks))
                bar.advance(failed=prediction.error is not None)
            return bar.per_second


def _images_left(folder: Path, done: set[str]) -> int:
    """Raises `NoImages` where there never were any, `OSError`."""
    left = others = 0
    for found in files_in(folder):
        left += found.is_image and found.path not in done
        others += not found.is_image
    if not left and not done:
        raise NoImages(folder, others)
    return left


@contextmanager
def _stopping(batch: Batch, journal: Journal, console: Console) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        raise PredictionsStopped(str(error), len(journal.tally.paths), batch.journal) from error
    except OSError as error:
        reason = f"{batch.folder}: cannot be read: {error.strerror or error}"
        raise PredictionsStopped(reason, len(journal.tally.paths), batch.journal) from error
    except KeyboardInterrupt:
        if journal.tally.paths:
            stopped = PredictionsStopped("stopped", len(journal.tally.paths), batch.journal)
            console.print(str(stopped), soft_wrap=True)
        raise


def _entry(prediction: FolderPrediction, tasks: tuple[str, ...]) -> Entry:
    answers = tuple(
        Answer(
            task=task,
            version=found.version,
            labels=tuple(Label(one.label, one.index, one.probability) for one in found.predictions[0]),
        )
        for task, found in zip(tasks, prediction.predictions, strict=False)  # none where there is an error
    )
    return Entry(path=prediction.path, answers=answers, error=prediction.error)


def _write_results(batch: Batch, journal: Journal, write: Write) -> None:
    """The name is given last, and the journal knows the digest of what gets it."""
    part = batch.out.with_name(f"{batch.out.name}.part")
    rows = (row for entry in journal.entries() for row in entry.rows(batch.tasks))
    try:
        with part.open("wb") as file:
            write(file, rows, batch.top_k)
            file.flush()
            os.fsync(file.fileno())
        journal.seal(_digest(part))
        part.replace(batch.out)
        sync_folder(batch.out.parent)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise CannotWrite(batch.out, error) from error


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
