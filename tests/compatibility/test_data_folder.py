"""A data folder that the code of an earlier commit left opens with today's, which answers as that code did.

`make_data_folder` made the archive: two tasks with versions, aliases, a policy, tags and a report, one that is deleted,
jobs of every end and one that waits, and the service's answers then.
"""

import base64
import contextlib
import json
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis
from rq.serializers import JSONSerializer
from typer.testing import CliRunner

from cli.main import app as command_line
from cli.service.app import serving
from hosting.redis_server.embedded import EmbeddedRedis
from registry.registry import Registry
from registry.storage.blobs import Blobs
from registry.wiring import connect
from server.settings import ServerSettings
from tests.compatibility.make_data_folder import ARCHIVE
from tests.processes.environment import without_settings
from tests.registry.contents import contents
from tests.server.measured_once import measured_once
from tests.serving import served
from tests.waiting import until
from trainer import tailoring
from trainer.jobs.dequeue import queue_class
from trainer.settings import Settings as TrainerSettings
from trainer.wiring import open_jobs


@dataclass(frozen=True, kw_only=True)
class Unpacked:
    """The folder, and what is noted beside it: job ids (ended ones, then the one that waits), and what was answered."""

    folder: Path
    jobs: list[str]
    answers: dict[str, dict[str, Any]]
    predictions: dict[str, dict[str, Any]]
    image: bytes

    @property
    def waiting(self) -> str:
        return self.jobs[-1]


@dataclass(frozen=True, kw_only=True)
class Opened:
    then: Unpacked
    http: httpx.Client
    redis: "redis.Redis"
    registry: Registry


def _unpack(into: Path) -> Unpacked:
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(into, filter="data")
    notes = json.loads((into / "notes.json").read_text())
    image = base64.b64decode(notes.pop("image"))
    return Unpacked(folder=into / "data", image=image, **notes)


@pytest.fixture
def unpacked(tmp_path: Path) -> Unpacked:
    return _unpack(tmp_path)


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    """As `nettailor up` opens it, without workers."""
    then = _unpack(tmp_path_factory.mktemp("then"))
    settings: dict[str, Any] = {"data_dir": then.folder, "backbone_weights": None}
    server_settings = ServerSettings(**settings, device="cpu", winograd=False)
    with (
        EmbeddedRedis(then.folder / "redis") as server,
        measured_once(),
        serving(server_settings, TrainerSettings(**settings), server.url) as (app, _),
        served(app) as url,
        httpx.Client(base_url=url, trust_env=False, timeout=30) as http,
        contextlib.closing(connect(server.url)) as client,
    ):
        registry = Registry(Blobs(server_settings.blobs_location), client)
        yield Opened(then=then, http=http, redis=client, registry=registry)


def _covers(now: Any, then: Any) -> bool:
    """Whether everything that was said then is said now; new fields may have come."""
    if isinstance(then, dict):
        return isinstance(now, dict) and all(key in now and _covers(now[key], value) for key, value in then.items())
    if isinstance(then, list):
        return isinstance(now, list) and len(now) == len(then) and all(map(_covers, now, then))
    return bool(now == then)


def _as_now(path: str, body: Any) -> Any:
    """What was said then in the form that it has now: a list of jobs stood in an object of its own."""
    return body["jobs"] if path.partition("?")[0] == "/jobs" else body


def test_every_question_is_answered_as_then(opened: Opened) -> None:
    different = {}
    for path, then in opened.then.answers.items():
        now = opened.http.get(path)
        is_json = now.headers["content-type"].endswith("json")
        same = not now.is_success or _covers(now.json() if is_json else now.text, _as_now(path, then["body"]))
        if now.status_code != then["status"] or not same:
            different[path] = (now.status_code, now.text, then)
    assert len(opened.then.answers) > 30
    assert not different


def test_predictions_are_those_of_then(opened: Opened) -> None:
    for path, then in opened.then.predictions.items():
        now = opened.http.post(path, content=opened.then.image).json()
        assert [now[name] for name in ("task", "version", "digest")] == [
            then[name] for name in ("task", "version", "digest")
        ]
        for label, before in zip(now["predictions"][0], then["predictions"][0], strict=True):
            assert (label["label"], label["index"]) == (before["label"], before["index"])
            assert label["probability"] == pytest.approx(before["probability"], abs=1e-4)


def test_nothing_is_found_wrong(opened: Opened) -> None:
    found = CliRunner().invoke(command_line, ["registry", "verify", "--data-dir", str(opened.then.folder)])
    assert found.exit_code == 0, found.output


def test_records_alone_give_the_same_registry_and_jobs(opened: Opened, redis_client: "redis.Redis") -> None:
    rebuilt = Registry(opened.registry.blobs, redis_client)
    rebuilt.rebuild()
    assert contents(rebuilt) == contents(opened.registry)
    settings = TrainerSettings(data_dir=opened.then.folder)
    before, after = (open_jobs(settings, client) for client in (opened.redis, redis_client))
    assert after.recover() == len(opened.then.jobs)
    assert [after.store.get(job) for job in opened.then.jobs] == [before.store.get(job) for job in opened.then.jobs]
    assert after.queue.waiting_ids() == before.queue.waiting_ids() == [f"{opened.then.waiting}-1"]


def test_the_waiting_job_is_taken_and_its_function_found_by_name(unpacked: Unpacked) -> None:
    with EmbeddedRedis(unpacked.folder / "redis") as server, contextlib.closing(connect(server.url)) as client:
        queues = list(open_jobs(TrainerSettings(data_dir=unpacked.folder), client).queue.queues.values())
        taken = queue_class(None).dequeue_any(queues, None, client, job_class=None, serializer=JSONSerializer)
        assert taken is not None
        submission, queue = taken
        assert queue.name == "tailoring-high"
        assert (submission.func_name, submission.func) == ("trainer.tailoring.run", tailoring.run)
        assert submission.args == [unpacked.waiting, 1]


@pytest.mark.nightly  # two processes that load torch
def test_the_waiting_job_is_carried_out_by_a_worker(unpacked: Unpacked) -> None:
    """All but the recipe is the real thing."""
    command = [sys.executable, "-m", "tests.trainer.workers.programs.fake_worker"]
    with EmbeddedRedis(unpacked.folder / "redis") as server, contextlib.closing(connect(server.url)) as client:
        names = {"DATA_DIR": str(unpacked.folder), "REDIS_URL": server.url, "LOG_LEVEL": "warning"}
        settings = {f"NETTAILOR_{name}": value for name, value in names.items()}
        store = open_jobs(TrainerSettings(data_dir=unpacked.folder), client).store
        worker = subprocess.Popen(command, env=without_settings() | settings)
        try:
            until(lambda: not store.get(unpacked.waiting).is_open, process=worker)
        finally:
            worker.terminate()
            worker.wait()
        ended = store.get(unpacked.waiting)
        assert ended.result is not None, ended.error
        assert (ended.result["version"], ended.result["alias"]) == (1, "live")
        assert Registry(Blobs(str(unpacked.folder / "blobs")), client).resolve("cars").job == unpacked.waiting
