"""A real `nettailor up`: what it serves, and how it lives and dies."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psutil
import pytest

from cli.demo.data import write_signs
from cli.errors import AddressUnusable, DataFolderInUse, ServiceStartFailed
from cli.service.local_service import LOCK_FILE, LocalService, running_url, write_state
from cli.service.up import _claimed, _listening
from hosting.processes.file_lock import FileLock
from nettailor_client import Client, RequestRefused
from tests.bundles import tiny_bytes
from tests.cli.publishing import publish
from tests.cli.service.openness import open_to_others
from tests.documented import ROOT, documented
from tests.processes.liveness import is_gone
from tests.processes.umask import sharing
from tests.waiting import until

_STOP_SECONDS = 15.0


def _family(pid: int) -> list[psutil.Process]:
    return [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]


def _pid(folder: Path) -> int:
    return int(json.loads((folder / "up.json").read_text())["pid"])


def test_metrics_are_documented_and_no_others(service: str) -> None:
    text = httpx.get(f"{service}/metrics", trust_env=False).text
    served = set(re.findall(r"^# TYPE (nettailor_\w+) ", text, re.MULTILINE))
    served = {name for name in served if not name.endswith("_created")}  # when a series began: the client library's own
    assert served == set(documented("Metrics"))


def test_routes_are_documented(service: str) -> None:
    pages = (ROOT / "docs/api.md").read_text() + (ROOT / "docs/open-inference.md").read_text()
    paths = httpx.get(f"{service}/openapi.json", trust_env=False).json()["paths"]
    routes = {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}
    shown = {_nameless(route) for route in re.findall(r"`([A-Z]+ /[^`?]*)", pages)}
    shown |= {re.sub(r"\[.*\]", "", route) for route in shown} | {re.sub(r"[\[\]]", "", route) for route in shown}
    assert {_nameless(route) for route in routes} <= shown


def _nameless(route: str) -> str:
    return re.sub(r"\{\w+\}", "{}", route)


def test_all_three_parts_answer_on_one_port(service: str) -> None:
    with Client(service) as client:
        assert "signs" in [task.task for task in client.tasks()]  # among those of other tests
        assert isinstance(client.jobs(), list)
        assert client.is_ready()


def test_the_jobs_of_a_deleted_task_are_cancelled_when_the_deletion_is_answered(service: str, tmp_path: Path) -> None:
    archive = tmp_path / "doomed.zip"
    write_signs(archive, train=10, test=2)
    with Client(service) as client, httpx.Client(base_url=service, trust_env=False) as http:
        assert http.post("/tasks/doomed/versions", content=tiny_bytes(task="doomed")).status_code == 201
        job = str(client.upload("doomed", archive, options={"preset": "fast"}).id)
        assert http.delete("/tasks/doomed", params={"reason": "over"}).status_code == 204
        found = client.job(job)
        assert (found.state, found.as_json()["error"]["title"]) == ("cancelled", "task was deleted")
        with pytest.raises(RequestRefused, match="was deleted by anonymous"):
            client.retry(job)


def test_what_a_killed_service_left_leads_to_nobody(service: str, tmp_path: Path) -> None:
    """Its port may be another service's by now."""
    write_state(tmp_path, service)
    assert running_url(tmp_path) is None
    with FileLock(tmp_path / LOCK_FILE) as lock:
        assert lock.acquire()
        assert running_url(tmp_path) == service


@pytest.mark.nightly  # two starts and a training
def test_whoever_watches_a_job_sees_its_end_across_a_kill_of_the_service(tmp_path: Path) -> None:
    archive = tmp_path / "signs.zip"
    write_signs(archive, train=20, test=4)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    command = [sys.executable, "-m", "cli", "up", "--data-dir", str(tmp_path / "data"), "--port", port, "--lifeline"]
    seen: list[str] = []
    with _running(command), Client(f"http://127.0.0.1:{port}") as client:
        until(client.is_ready)
        job = str(client.upload("signs", archive, options={"preset": "fast"}).id)
        events = client.events(job)
        while "teacher" not in seen:
            seen.append(next(events).stage)
        os.kill(_pid(tmp_path / "data"), signal.SIGKILL)
        with _running(command):
            seen += [str(event.state) for event in events if event.kind == "state"]
            assert client.job(job).state == "succeeded"
    assert seen[-1] == "succeeded"


@contextmanager
def _running(command: list[str]) -> Iterator[None]:
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait()
        assert process.stdin is not None
        process.stdin.close()


def test_a_folder_has_one_service(service: str, data_dir: Path) -> None:
    assert running_url(data_dir) == service
    with pytest.raises(DataFolderInUse), _claimed(data_dir):
        pass
    with pytest.raises(ServiceStartFailed, match="another `nettailor up`"):
        LocalService(data_dir).start()


def test_a_taken_port_is_said_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(AddressUnusable, match=f"127.0.0.1:{port}"), _listening("127.0.0.1", port):
            pass


def test_malformed_settings_are_one_line(tmp_path: Path) -> None:
    """Those that are options of the command, too."""
    command = [sys.executable, "-m", "cli", "up", "--data-dir", str(tmp_path)]
    environment = {**os.environ, "NETTAILOR_MAX_BATCH": "many", "NETTAILOR_PORT": "any"}
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, cwd=ROOT)
    assert result.returncode == 1
    assert all(f"{name}: " in result.stderr for name in ("NETTAILOR_MAX_BATCH", "NETTAILOR_PORT"))
    assert result.stderr.count("\n") == 1


def test_killed_or_stopped_it_leaves_nothing_behind_and_goes_on_from_disk(tmp_path: Path, backbone: str) -> None:
    data = tmp_path / "state"
    data.mkdir()
    publish(data, "signs", backbone)
    archive = tmp_path / "more.zip"
    write_signs(archive, train=10, test=2)

    up = LocalService(data)
    with sharing(), Client(up.start()) as client:
        job = client.upload("more", archive, options={"preset": "fast"})
    family = _family(_pid(data))
    assert len(family) >= 5  # with Redis, the worker, and their guardians
    os.kill(family[0].pid, signal.SIGKILL)
    family[0].wait(_STOP_SECONDS)
    until(lambda: all(map(is_gone, family)))
    up.stop()

    up = LocalService(data)
    with sharing():
        url = up.start()
    with Client(url) as client:
        assert [task.task for task in client.tasks()] == ["signs"]
        assert client.job(str(job.id)).state in {"queued", "running"}
        client.cancel(str(job.id))
        assert client.job(str(job.id)).state == "cancelled"
    family = _family(_pid(data))
    family[0].terminate()
    family[0].wait(_STOP_SECONDS)
    assert all(map(is_gone, family))
    assert not (data / "up.json").exists()
    # What both wrote themselves; what was published before they came is as this process made it.
    assert list((data / "blobs" / "jobs").iterdir())
    written = [data / name for name in ("blobs/jobs", "jobs", "uploads", "workers") if (data / name).exists()]
    assert [path for folder in written for path in open_to_others(folder)] == []
    address = urlsplit(url)
    with pytest.raises(ConnectionRefusedError), socket.create_connection((address.hostname, address.port)):
        pass
    up.stop()
