"""The commands for one job, against a real service."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from cli.demo.data import write_signs
from cli.main import app
from nettailor_client import Client
from nettailor_client.answers.jobs import Place
from nettailor_client.errors import RequestRefused
from tests.serving import served
from tests.trainer.uploads import GOOD
from trainer.events import Event
from trainer.http.app import create_app
from trainer.service import Service
from trainer.settings import Settings
from trainer.workers.job_run import begin
from trainer.workers.worker import TrainerWorker


def _run(*arguments: str) -> str:
    result = CliRunner(env={"COLUMNS": "200"}).invoke(app, arguments)
    assert result.exit_code == 0, result.output
    return result.output


def test_cancel_logs_and_retry(service: str, tmp_path: Path) -> None:
    archive = tmp_path / "more.zip"
    write_signs(archive, train=10, test=2)
    with Client(service) as client:
        job = str(client.upload("to-cancel", archive, options={"preset": "fast", "priority": "high"}).id)
    assert "high" in _run("jobs", "--url", service)
    early = CliRunner().invoke(app, ["finish", job, "--url", service])
    assert (early.exit_code, "nothing to publish yet" in early.output) == (1, True)
    assert _run("cancel", job[:12], "--url", service) == f"job {job[:12]} is cancelled\n"
    shown = _run("jobs", "--task", "to-cancel", "--state", "cancelled", "--since", "1h", "--url", service)
    assert job[:8] in shown
    assert job not in shown
    assert _run("jobs", "--task", "to-cancel", "--state", "failed", "--url", service) == "no such jobs\n"
    assert _run("jobs", "--task", "to-cancel", "--since", "0s", "--url", service) == "no such jobs\n"
    assert [each["id"] for each in json.loads(_run("jobs", "--task", "to-cancel", "--json", "--url", service))] == [job]
    text = _run("logs", job, "--follow", "--url", service)
    assert "state: state=queued attempt=0" in text
    assert "state=cancelled" in text.splitlines()[-1]
    assert _run("logs", job, "--tail", "1", "--url", service) == text.splitlines(keepends=True)[-1]
    (line,) = map(json.loads, _run("logs", job, "--tail", "1", "--json", "--url", service).splitlines())
    assert line == {"line": text.splitlines()[-1]}
    assert _run("retry", job, "--url", service) == f"job {job} is queued\n"
    assert json.loads(_run("cancel", job, "--json", "--url", service))["state"] == "cancelled"
    with Client(service) as client, pytest.raises(RequestRefused, match="404"):
        list(client.logs("nothing"))


def test_whoever_waits_knows_where(tmp_path: Path, redis_url: str) -> None:
    settings = Settings(data_dir=tmp_path / "data", redis_url=redis_url)
    archive = tmp_path / "pets.zip"
    archive.write_bytes(GOOD)
    with Service(settings, redis_url) as trainer, served(create_app(trainer)) as url, Client(url) as client:
        first, second = (client.upload("pets", archive) for _ in range(2))
        assert [job.queue for job in (first, second)] == [Place(ahead=0, workers=0), Place(ahead=1, workers=0)]
        worker = TrainerWorker.of(settings, trainer.jobs.store.client, name="one")
        worker.register_birth()  # type: ignore[no-untyped-call]  # RQ has not typed it
        assert client.job(second.id).queue == Place(ahead=1, workers=1)
        assert "1 job ahead" in _run("jobs", "--url", url)
        client.cancel(second.id)
        ended = CliRunner().invoke(app, ["watch", second.id, "--url", url])
        assert (ended.exit_code, "pets: cancelled" in ended.output) == (1, True)
        assert client.job(second.id).queue is None


def _pages(request: httpx.Request) -> httpx.Response:
    """Of 500 jobs, one a minute up to an hour ago."""
    if request.url.path != "/jobs":
        return httpx.Response(200, json={})
    first = int(request.url.params.get("before", "-1")) + 1
    ended = datetime.now(UTC) - timedelta(minutes=60.5)
    numbers = range(first, min(500, first + int(request.url.params["limit"])))
    at = [(ended - timedelta(minutes=number)).isoformat() for number in numbers]
    jobs = zip(map(str, numbers), at, strict=True)
    found = [{"id": id, "task": "t", "state": "succeeded", "created_at": created} for id, created in jobs]
    return httpx.Response(200, json=found)


@pytest.fixture
def many_jobs(monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    class Paged(httpx.Client):
        def __init__(self, **options: object) -> None:
            super().__init__(transport=httpx.MockTransport(_pages))

    monkeypatch.setattr("nettailor_client.client.httpx.Client", Paged)
    return lambda *arguments: _run("jobs", "--url", "http://service", *arguments)


def test_as_many_jobs_are_listed_as_were_asked_for(many_jobs: Callable[..., str]) -> None:
    assert len(json.loads(many_jobs("--json"))) == 50
    assert len(json.loads(many_jobs("--json", "--limit", "450"))) == 450
    assert len(json.loads(many_jobs("--json", "--limit", "600"))) == 500
    assert [each["id"] for each in json.loads(many_jobs("--json", "--since", "63m"))] == ["0", "1", "2"]
    assert len(json.loads(many_jobs("--json", "--since", "400m", "--limit", "1000"))) == 340
    assert "there are older ones: --limit 100 shows more" in many_jobs()


def test_finish_says_what_is_published(tmp_path: Path, redis_url: str) -> None:
    settings = Settings(data_dir=tmp_path / "data", redis_url=redis_url)
    archive = tmp_path / "pets.zip"
    archive.write_bytes(GOOD)
    with Service(settings, redis_url) as trainer, served(create_app(trainer)) as url, Client(url) as client:
        job = str(client.upload("pets", archive).id)
        run = begin(trainer.jobs, job, 1)
        run.report(Event(kind="stage", stage="retrain", progress=0.5))
        said = f"job {job} is running and publishes the best so far: "
        run.report(Event(kind="candidate", stage="retrain", progress=0.5, fields={"k": 6, "accuracy": 0.9, "best": 6}))
        assert _run("finish", job, "--url", url) == f"{said}6 blocks removed, accuracy 90.0%\n"
        assert client.job(job).as_json()["finish"]["candidates"] == [6]

        other = str(client.upload("pets", archive).id)
        begin(trainer.jobs, other, 1).report(Event(kind="stage", stage="retrain", progress=0.5))
        assert "the student itself, of which nothing is removed" in _run("finish", other, "--url", url)
