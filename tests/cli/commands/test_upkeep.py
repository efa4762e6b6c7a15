"""`nettailor registry verify`, `gc`, `rebuild`, as a user types them, on a data folder."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from hosting.settings.settings import Settings
from registry.registry import LIVE, Registry
from registry.wiring import connect, open_registry, redis_service
from tests.bundles import tiny_bytes
from tests.registry.corruption import corrupt, write_unreadable
from tests.registry.storage.faulty import URL, LibraryError, faulty_store
from trainer.jobs.job import Job
from trainer.settings import Settings as TrainerSettings
from trainer.wiring import open_jobs
from trainer.workers.job_run import begin


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("NETTAILOR_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """A folder with one live version and a deleted one, that nobody serves now."""
    folder = tmp_path / "data"
    with redis_service(Settings(data_dir=folder)) as url, open_registry(Settings(data_dir=folder), url) as registry:
        for seed in range(2):
            registry.publish("signs", tiny_bytes(seed=seed), actor="test")
        registry.promote("signs", LIVE, 1, actor="test", reason="test")
        registry.delete_version("signs", 2, actor="test", reason="test")
    return folder


@pytest.fixture
def running(data_dir: Path) -> Iterator[tuple[Registry, str]]:
    """The folder's registry and the URL of its Redis, in use by a service."""
    settings = Settings(data_dir=data_dir)
    with redis_service(settings) as url, open_registry(settings, url) as registry:
        yield registry, url


def _run(*arguments: str, status: int = 0) -> str:
    result = CliRunner(env={"COLUMNS": "250"}).invoke(app, ["registry", *arguments])
    assert result.exit_code == status, result.output
    return result.output


def _verify(data_dir: Path, status: int = 0) -> str:
    return _run("verify", "--data-dir", str(data_dir), status=status)


def _gc(data_dir: Path, *options: str) -> str:
    return _run("gc", "--data-dir", str(data_dir), *options)


@pytest.mark.parametrize("command", ["verify", "gc", "rebuild"])
def test_every_command_explains_itself_within_80_columns(command: str) -> None:
    text = CliRunner(env={"COLUMNS": "80"}).invoke(app, ["registry", command, "--help"]).output
    assert "Usage: " in text
    assert max(map(len, text.splitlines())) <= 80


def test_verify_a_sound_folder(data_dir: Path) -> None:
    text = _verify(data_dir)
    assert "2 blobs" in text
    assert "4 records of 1 versions are sound; 0 faults; 0 blobs in quarantine" in text


def test_verify_names_what_is_wrong_and_says_so_by_its_status(running: tuple[Registry, str], data_dir: Path) -> None:
    registry, _ = running
    digest = registry.resolve("signs").digest
    corrupt(registry.blobs, digest)
    text = _verify(data_dir, status=1)
    assert "corrupt" in text
    assert f"signs v1: {digest}" in text
    assert "2 faults; 1 blobs in quarantine" in text
    registry.publish("signs", tiny_bytes(), actor="test")
    assert "0 faults; 1 blobs in quarantine" in _verify(data_dir)


@pytest.mark.parametrize("command", ["verify", "gc", "rebuild"])
def test_a_store_that_is_away_is_one_line(data_dir: Path, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    monkeypatch.setenv("NETTAILOR_BLOBS_URL", URL)
    with faulty_store() as faulty:
        faulty.fault = LibraryError("no route to host")
        told = _run(command, "--data-dir", str(data_dir), status=1)
    assert told.startswith("error: the registry cannot be used: the store of blobs and records is unavailable: ")
    assert "no route to host" in told
    assert told.count("\n") == 1


def test_gc_says_first_and_deletes_when_told(data_dir: Path) -> None:
    assert "would delete 0 blobs (0.0 KB); kept 1 that are in use and 1 younger than 24h" in _gc(data_dir)
    text = _gc(data_dir, "--grace", "0s")
    assert "would delete 1 blobs" in text
    (blob,) = json.loads(_gc(data_dir, "--grace", "0s", "--json"))["garbage"]
    assert blob["digest"].removeprefix("sha256:")[:12] in text
    assert "deleted 1 blobs" in _gc(data_dir, "--grace", "0s", "--delete")
    assert "would delete 0 blobs" in _gc(data_dir, "--grace", "0s")
    assert "1 blobs" in _verify(data_dir)


def test_gc_beside_a_service_keeps_what_its_jobs_need(running: tuple[Registry, str], data_dir: Path) -> None:
    registry, url = running
    upload = registry.blobs.put(b"an upload")
    with connect(url) as client:
        job: Job = open_jobs(TrainerSettings(data_dir=data_dir), client).submit("signs", upload, {}, actor="test")
    assert job.is_open
    assert "deleted 1 blobs" in _gc(data_dir, "--grace", "0s", "--delete")
    assert set(registry.blobs.digests()) == {upload, registry.resolve("signs").digest}


def test_gc_keeps_the_upload_of_a_failed_job_as_long_as_its_folder(
    running: tuple[Registry, str], data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry, url = running
    upload = registry.blobs.put(b"an upload")
    with connect(url) as client:
        jobs = open_jobs(TrainerSettings(data_dir=data_dir), client)
        job = jobs.submit("signs", upload, {}, actor="test")
        begin(jobs, job.id, 1).fail({"title": "no good"})
    _gc(data_dir, "--grace", "0s", "--delete")
    assert registry.blobs.exists(upload)
    monkeypatch.setenv("NETTAILOR_KEEP_FAILED_JOBS_DAYS", "0")
    _gc(data_dir, "--grace", "0s", "--delete")
    assert not registry.blobs.exists(upload)


def test_rebuild_beside_a_service(running: tuple[Registry, str], data_dir: Path) -> None:
    registry, url = running
    with connect(url) as client:
        client.flushall()
    assert registry.tasks() == []
    assert "rebuilt the index of 1 tasks, 1 of them with versions" in _run("rebuild", "--data-dir", str(data_dir))
    assert registry.resolve("signs").version == 1


def test_rebuild_says_what_it_left_out_by_its_status_too(running: tuple[Registry, str], data_dir: Path) -> None:
    registry, url = running
    registry.publish("digits", tiny_bytes(task="digits"), actor="test")
    key = write_unreadable(registry.blobs, "digits", 2)
    with connect(url) as client:
        client.flushall()
    text = _run("rebuild", "--data-dir", str(data_dir), status=1)
    assert "rebuilt the index of 1 tasks, 1 of them with versions" in text
    assert f"left out: record {key}" in text
    assert registry.resolve("signs").version == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["verify", "--data-dir", "NOWHERE"], "no data folder"),
        (["gc", "--data-dir", "NOWHERE"], "no data folder"),
        (["rebuild", "--data-dir", "NOWHERE"], "no data folder"),
        (["verify", "--data-dir", "OTHER"], "no registry is kept here"),
        (["gc", "--data-dir", "OTHER"], "no registry is kept here"),
        (["rebuild", "--data-dir", "OTHER"], "no registry is kept here"),
        (["gc", "--grace", "soon"], "error: --grace: 'soon' is no time"),
    ],
    ids=" ".join,
)
def test_what_goes_wrong_is_one_line(tmp_path: Path, arguments: list[str], said: str) -> None:
    places = {"NOWHERE": str(tmp_path / "nowhere"), "OTHER": str(tmp_path)}  # the latter is somebody else's
    filled = [places.get(word, word) for word in arguments]
    result = CliRunner(env={"COLUMNS": "80"}).invoke(app, ["registry", *filled])
    assert result.exit_code == 1
    assert said in result.stderr
    assert result.stderr.startswith("error: ")
    assert len(result.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []
