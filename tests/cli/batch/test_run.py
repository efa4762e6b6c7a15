"""Batches by a real service: stopped, killed and gone on with, and what they refuse to begin."""

import csv
import errno
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import BinaryIO

import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

from cli.batch.entry import Row
from cli.batch.run import Batch, run_batch
from cli.errors import (
    CannotWrite,
    CommandError,
    NoImages,
    OptionUnusable,
    PredictionsStopped,
    ResultsExist,
    ResultsOfAnother,
)
from cli.main import app
from nettailor.bundle.bundle import encode
from nettailor_client import Client
from tests.bundles import random_bundle
from tests.documented import ROOT
from tests.trainer.archives import picture
from tests.waiting import until

_IMAGES = 200  # so many that a process is killed in the middle
_NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    (folder / "sub").mkdir(parents=True)
    for number in range(4):
        (folder / "sub" / f"{number}.png").write_bytes(picture(number, side=32))
    (folder / "broken.jpg").write_bytes(b"no image")
    (folder / "notes.txt").write_text("no image")
    return folder


@pytest.fixture
def batch(folder: Path) -> Batch:
    return Batch(tasks=("signs",), folder=folder, out=folder.parent / "results" / "r.csv")


def _run(service: str, batch: Batch) -> tuple[int, int]:
    with Client(service) as client:
        done = run_batch(client, batch, Console(file=io.StringIO()))
    return done.images, done.failed


def _table(batch: Batch) -> list[dict[str, str]]:
    with batch.out.open(newline="") as file:
        return list(csv.DictReader(file))


def _command(service: str, folder: Path, out: Path, *options: str) -> list[str]:
    return ["predict", "signs", str(folder), "--out", str(out), "--url", service, *options]


def _typed(*arguments: str) -> Result:
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, list(arguments))


def test_every_image_has_a_row_and_failures_have_an_exit_status(service: str, folder: Path, tmp_path: Path) -> None:
    result = _typed(*_command(service, folder, tmp_path / "r.jsonl", "--top-k", "2"))
    assert result.exit_code == 3, result.output
    assert "r.jsonl: 5 images, 1 of them could not be predicted; " in result.stdout
    rows = [json.loads(line) for line in (tmp_path / "r.jsonl").read_text().splitlines()]
    assert [row["path"] for row in rows] == ["broken.jpg", *(f"sub/{number}.png" for number in range(4))]
    assert [row["version"] for row in rows] == [None, 1, 1, 1, 1]
    assert [len(row["predictions"]) for row in rows] == [0, 2, 2, 2, 2]
    assert rows[0]["error"] == "not a readable image (of no format that is known)"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["images", "r.jsonl"]

    (folder / "broken.jpg").unlink()
    result = _typed(*_command(service, folder, tmp_path / "r.jsonl", "--overwrite", "--version", "1"))
    assert (result.exit_code, "4 images; " in result.stdout) == (0, True)


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Shells have what they start in the background ignore SIGINT, and so do its children: these tests, for one."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_a_batch_goes_on_where_it_was_killed_or_stopped(service: str, tmp_path: Path) -> None:
    folder, out, journal = tmp_path / "images", tmp_path / "r.csv", tmp_path / "r.csv.journal"
    folder.mkdir()
    for number in range(_IMAGES):
        (folder / f"{number:03}.png").write_bytes(picture(number, side=32))
    command = [sys.executable, "-m", "cli", *_command(service, folder, out, "--in-flight", "1")]

    for how, status in ((signal.SIGKILL, -signal.SIGKILL), (signal.SIGINT, 130)):
        before = _lines(journal)
        with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
            until(partial(_has_lines, journal, before + 10), process=process)
            process.send_signal(how)
            _, said = process.communicate()
        assert process.returncode == status
        assert not out.exists()
    assert "and the same command goes on from there" in said

    kept = journal.read_bytes().splitlines()
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    with out.open(newline="") as file:
        paths = [row["path"] for row in csv.DictReader(file)]
    assert paths == [f"{number:03}.png" for number in range(_IMAGES)]
    assert 20 < len(kept) < _IMAGES
    assert not journal.exists()


def _has_lines(journal: Path, number: int) -> bool:
    return _lines(journal) > number


def _lines(journal: Path) -> int:
    return journal.read_bytes().count(b"\n") if journal.exists() else 0


def test_a_killed_batch_keeps_the_version_that_answered(service: str, backbone: str, batch: Batch) -> None:
    with Client(service) as client:
        client.publish("kept", encode(*random_bundle(task="kept", fingerprint=backbone, seed=1)))
        client.promote("kept", "live", 1)
        batch = replace(batch, tasks=("kept", "signs"))
        _stop_before_the_results(service, batch)
        (batch.folder / "later.png").write_bytes(picture(9, side=32))
        client.publish("kept", encode(*random_bundle(task="kept", fingerprint=backbone, seed=2)))
        client.promote("kept", "live", 2)
        image = picture(0, side=32)
        until(lambda: client.predict("kept", image).version == 2, "the service has followed the registry")
    assert _run(service, batch) == (6, 1)
    rows = _table(batch)
    assert {row["version"] for row in rows if row["task"] == "kept"} == {"1", ""}
    assert [row["path"] for row in rows[-2:]] == ["later.png", "later.png"]


def _stop_before_the_results(service: str, batch: Batch) -> None:
    """All images are in the journal, and the disk is full."""

    def refuse(file: BinaryIO, rows: Iterable[Row], top_k: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cli.batch.run.writer_for", lambda _: refuse)
        with pytest.raises(CannotWrite, match=os.strerror(errno.ENOSPC)):
            _run(service, batch)
    assert [path.name for path in batch.out.parent.iterdir()] == ["r.csv.journal"]


def test_after_a_full_disk_only_the_results_are_written_again(service: str, batch: Batch) -> None:
    _stop_before_the_results(service, batch)
    assert _run(_NOWHERE, batch) == (5, 1)  # nobody is asked
    assert len(_table(batch)) == 5


def test_killed_before_the_journal_was_removed_it_is_finished(
    service: str, batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cli.batch.journal.Journal.remove", lambda self: None)
    assert _run(service, batch) == (5, 1)
    monkeypatch.undo()
    before = batch.out.stat().st_ino
    assert _run(_NOWHERE, batch) == (5, 1)
    assert batch.out.stat().st_ino == before
    assert [path.name for path in batch.out.parent.iterdir()] == ["r.csv"]


def test_results_that_are_there_are_replaced_only_when_asked_and_complete(service: str, batch: Batch) -> None:
    batch.out.parent.mkdir()
    batch.out.write_text("precious")
    with pytest.raises(ResultsExist, match="--overwrite"):
        _run(service, batch)
    with pytest.raises(PredictionsStopped, match="no task 'sings'"):
        _run(service, replace(batch, tasks=("sings",), overwrite=True))
    assert [(path.name, path.read_text()) for path in batch.out.parent.iterdir()] == [("r.csv", "precious")]
    assert _run(service, replace(batch, overwrite=True)) == (5, 1)
    assert len(_table(batch)) == 5


def test_what_was_begun_with_other_options_is_not_mixed_in(service: str, batch: Batch) -> None:
    _stop_before_the_results(service, batch)
    other = replace(batch, tasks=("signs@live",), top_k=2)
    with pytest.raises(ResultsOfAnother, match="tasks signs, not signs@live, top_k 1, not 2"):
        _run(service, other)
    assert _run(service, replace(other, overwrite=True)) == (5, 1)
    assert "label_2" in _table(other)[0]


@pytest.mark.parametrize(
    ("changes", "error", "said"),
    [
        ({"tasks": ("signs", "signs")}, OptionUnusable, "twice"),
        ({"tasks": ("signs", "")}, OptionUnusable, "none between two commas"),
        ({"tasks": ("signs@live",), "version": 1}, OptionUnusable, "without an alias"),
        ({"out": Path("r.txt")}, OptionUnusable, ".parquet"),
        ({"version": 99}, PredictionsStopped, "99"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_cannot_be_asked_is_refused(
    service: str, batch: Batch, changes: dict[str, object], error: type[CommandError], said: str
) -> None:
    with pytest.raises(error, match=said):
        _run(service, replace(batch, **changes))  # type: ignore[arg-type]  # each is of its field's type
    assert not batch.out.exists()


def test_a_folder_without_images_has_no_results(batch: Batch, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "a.txt").touch()
    with pytest.raises(NoImages, match="holds no images, and other files: 1"):
        _run(_NOWHERE, replace(batch, folder=tmp_path / "empty"))
    assert not list(batch.out.parent.iterdir())


@pytest.mark.parametrize("options", [["--json"], [__file__]], ids=["--json", "a file beside it"])
def test_results_are_of_one_folder(folder: Path, options: list[str]) -> None:
    result = _typed("predict", "signs", str(folder), *options, "--out", "r.csv", "--url", _NOWHERE)
    assert result.exit_code == 1
    assert "--out goes with one folder, and without --json" in result.stderr
