"""The embedded Redis of a real `nettailor up` is killed: the service says so, goes on predicting, and mends itself."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from cli.demo.data import write_signs
from cli.doctor.run import examine
from cli.service.local_service import LocalService
from nettailor_client import IMPATIENT, Client
from nettailor_client.errors import RequestRefused
from tests.bundles import tiny_bytes
from tests.cli.publishing import publish
from tests.pictures import huge_png
from tests.processes.redis_server import append_only
from tests.waiting import until


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, backbone: str) -> Path:
    """A data folder with one live task."""
    folder = tmp_path_factory.mktemp("state")
    publish(folder, "signs", backbone)
    return folder


@pytest.fixture(scope="module")
def client(data: Path) -> Iterator[Client]:
    up = LocalService(data)
    try:
        with Client(up.start()) as client:
            yield client
    finally:
        up.stop()


def _redis(data: Path) -> psutil.Process | None:
    """The process of the service's Redis."""
    pid = int(json.loads((data / "up.json").read_text())["pid"])
    family = psutil.Process(pid).children(recursive=True)
    return next((process for process in family if process.name() == "redis-server"), None)


def _readiness(client: Client) -> httpx.Response:
    return httpx.get(f"{client.url}/readyz", trust_env=False)


def test_while_its_data_is_damaged_it_is_said_and_what_is_loaded_is_predicted(data: Path, client: Client) -> None:
    files, aside = append_only(data / "redis"), data / "redis" / "aside"
    assert client.predict("signs", huge_png(40, 40)).task == "signs"
    files.rename(aside)
    files.write_text("nothing that it wrote")
    until(lambda: _redis(data)).kill()
    until(lambda: _readiness(client).status_code == 503)
    assert _readiness(client).json()["detail"] == (
        "the server is without Redis, which registry and jobs need (it cannot be reached)"
    )
    assert client.predict("signs", huge_png(40, 40)).task == "signs"
    with Client(client.url, patience=IMPATIENT) as impatient, pytest.raises(RequestRefused) as refused:
        impatient.tasks()
    assert refused.value.status == 503
    until(lambda: "in a row): Redis under" in (data / "up.log").read_text())
    [said] = [finding for finding in examine(data) if finding.check == "redis"]
    assert said.state == "fail"
    assert "the embedded one has ended" in said.found
    files.unlink()
    aside.rename(files)
    until(client.is_ready)
    assert [task.task for task in client.tasks()] == ["signs"]


# By day hosting/redis_server/test_supervised holds what was acknowledged against what is there after a kill, and
# trainer/workers/test_kills has Redis killed under a job.
@pytest.mark.nightly
def test_it_is_back_within_seconds_and_nothing_is_lost(data: Path, client: Client, tmp_path: Path) -> None:
    archive = tmp_path / "more.zip"
    write_signs(archive, train=10, test=2)
    client.publish("birds", tiny_bytes(task="birds"))
    job = str(client.upload("more", archive, options={"preset": "fast"}).id)
    killed = until(lambda: _redis(data))
    killed.kill()
    until(lambda: _readiness(client).status_code == 503)
    until(client.is_ready)
    assert {task.task for task in client.tasks()} == {"signs", "birds"}
    assert client.publish("birds", tiny_bytes(task="birds", seed=1)).version == 2
    until(lambda: client.job(job).stage not in {None, "intake"})  # the job goes on, or only begins now
    client.cancel(job)
