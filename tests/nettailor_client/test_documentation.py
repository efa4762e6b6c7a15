"""The examples of docs/client.md, and of other pages with the client, as they are printed, against a real service.

Only the training is a fake: jobs succeed at once.
"""

import itertools
import re
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cli.service.app import serving
from hosting.redis_server.embedded import EmbeddedRedis
from nettailor.bundle.bundle import encode
from registry.wiring import connect, open_registry
from server.settings import ServerSettings
from tests.bundles import random_bundle
from tests.documented import ROOT
from tests.server.measured_once import measured_once
from tests.serving import served
from tests.trainer.uploads import GOOD
from trainer.errors import JobSuperseded
from trainer.events import Event
from trainer.jobs.jobs import Jobs
from trainer.settings import Settings as TrainerSettings
from trainer.wiring import open_jobs
from trainer.workers.job_run import begin

_PRINTED = "http://127.0.0.1:8000"
_LOOK_AGAIN_S = 0.05


def _succeed(jobs: Jobs, job: str) -> None:
    try:
        run = begin(jobs, job, 1)
        run.report(Event(kind="stage", stage="teacher", progress=0.1))
        run.report(Event(kind="epoch", stage="teacher", progress=0.5, fields={"epoch": 1, "accuracy": 0.9}))
        run.succeed({"version": 1})
    except JobSuperseded:
        pass  # an example cancelled it


@contextmanager
def _working(settings: TrainerSettings, redis_url: str) -> Iterator[None]:
    """A worker that trains nothing."""
    over = threading.Event()

    def work() -> None:
        with closing(connect(redis_url)) as client:
            jobs = open_jobs(settings, client)
            while not over.wait(_LOOK_AGAIN_S):
                for job in jobs.store.latest(100, state="queued"):
                    if job.options.get("seed") != 1:  # an example cancels that one, however long it takes to ask
                        _succeed(jobs, job.id)

    worker = threading.Thread(target=work)
    worker.start()
    try:
        yield
    finally:
        over.set()
        worker.join()


@pytest.fixture
def url(tmp_path: Path, redis_server: EmbeddedRedis, redis_url: str, backbone: str) -> Iterator[str]:
    """Of a service with two versions of each task: the first is live, the second a candidate."""
    settings = ServerSettings(data_dir=tmp_path / "data", device="cpu", winograd=False)
    trainer = TrainerSettings(data_dir=tmp_path / "data", redis_url=redis_url, job_niceness=0)
    with open_registry(settings, redis_url) as registry:
        for task, (seed, alias) in itertools.product(("birds", "signs"), enumerate(("live", "candidate"))):
            bundle = encode(*random_bundle(task=task, fingerprint=backbone, seed=seed))
            record = registry.publish(task, bundle, actor="test")
            registry.promote(task, alias, record.version, actor="test", reason="test")
    app_of_all = serving(settings, trainer, redis_url)
    with measured_once(), app_of_all as (app, _), served(app) as url, _working(trainer, redis_url):
        yield url


def _examples(page: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", (ROOT / "docs" / page).read_text(), re.DOTALL)


def _run(page: str, examples: list[str], url: str) -> None:
    """One after the other; what they call `client` is closed in the end."""
    names: dict[str, Any] = {}
    try:
        for example in examples:
            exec(compile(example.replace(_PRINTED, url), f"docs/{page}", "exec"), names)
    finally:
        if "client" in names:
            names["client"].close()


@pytest.mark.parametrize("with_export", [False, pytest.param(True, marks=pytest.mark.nightly)])
def test_the_examples_work(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *, with_export: bool
) -> None:
    """An export takes long: a process of its own imports torch."""
    monkeypatch.chdir(tmp_path)
    Path("photos").mkdir()
    for name, seed in (("photo.jpg", 0), ("other.jpg", 1), ("photos/one.jpg", 2)):
        Image.fromarray(np.random.default_rng(seed).integers(0, 256, (60, 80, 3), np.uint8)).save(name)
    Path("photos.zip").write_bytes(GOOD)
    examples = [example for example in _examples("client.md") if with_export or "client.export(" not in example]
    assert len(examples) > 12
    _run("client.md", examples, url)
    for page in ("api.md", "datasets.md", "operations.md"):
        (example,) = [example for example in _examples(page) if "nettailor_client" in example]
        _run(page, [example], url)
    shown = capsys.readouterr().out
    for part in (
        *("succeeded {'version': 1}", "no task 'sings' sings", "alias names another version 1", "worse at night"),
        *("epoch teacher 50% 0.9", "100%\n", "class folders", "state=succeeded", "one.jpg [(1, 'class "),
        *("device [('class ", "True True"),
    ):
        assert part in shown
    assert Path("signs.pt2").exists() == with_export
