"""A real `nettailor up` of two fronts and an engine: one port, one page of metrics, processes that may be killed."""

import contextlib
import json
import os
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psutil
import pytest

from cli.errors import ServiceStartFailed
from cli.service.local_service import LocalService
from nettailor_client import Client
from tests.cli.publishing import publish
from tests.processes.liveness import is_gone
from tests.server.asking import FILES
from tests.up import random_backbone, running
from tests.waiting import until

_FRONTS = 2


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = tmp_path_factory.mktemp("by-fronts") / "data"
    return path


@pytest.fixture(scope="module")
def service(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with random_backbone(tmp_path_factory.mktemp("backbone")) as fingerprint, pytest.MonkeyPatch.context() as patch:
        publish(folder, "signs", fingerprint)
        patch.setenv("NETTAILOR_FRONTS", str(_FRONTS))
        with running(folder) as url:
            yield url


def _processes(folder: Path, module: str) -> list[psutil.Process]:
    """Those of the service that run a module, without the guardians before them."""
    up = psutil.Process(int(json.loads((folder / "up.json").read_text())["pid"]))
    found = []
    for process in up.children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):  # it ends just now
            if process.cmdline()[1:3] == ["-m", module]:
                found.append(process)
    return found


def _ask(url: str) -> httpx.Response:
    return httpx.post(f"{url}/tasks/signs/predict", content=FILES[0], timeout=60, trust_env=False)


def _fronts(url: str) -> str:
    page = httpx.get(f"{url}/metrics", trust_env=False).text
    lines = (line for line in page.splitlines() if line.startswith("nettailor_fronts "))
    return next(lines, "")  # a front that has only begun knows nothing of the engine yet


def test_one_port_answers_all(service: str, folder: Path) -> None:
    assert _ask(service).json()["task"] == "signs"
    for path in ("/readyz", "/healthz", "/tasks", "/jobs", "/docs", "/openapi.json", "/v2/models/signs", "/v2"):
        assert httpx.get(service + path, trust_env=False).status_code == 200, path
    until(lambda: _fronts(service) == "nettailor_fronts 2.0")
    assert len(_processes(folder, "server.front")) == _FRONTS
    assert len(_processes(folder, "cli.service.engine_process")) == 1


def test_a_front_that_is_killed_is_started_again(service: str, folder: Path) -> None:
    victim = _processes(folder, "server.front")[0]
    os.kill(victim.pid, signal.SIGKILL)
    until(lambda: is_gone(victim))
    assert _ask(service).status_code == 200
    until(lambda: len(_processes(folder, "server.front")) == _FRONTS)
    until(lambda: _fronts(service) == "nettailor_fronts 2.0")


@pytest.mark.nightly  # the engine starts a second time
def test_an_engine_that_is_killed_is_started_again_and_everybody_hears_of_it(service: str, folder: Path) -> None:
    """Whoever asks meanwhile is answered, once: 200 or a typed 503; the fronts stay."""
    fronts = {process.pid for process in _processes(folder, "server.front")}
    [engine] = _processes(folder, "cli.service.engine_process")
    over, told = threading.Event(), Counter[str]()

    def ask_on() -> None:
        while not over.is_set():
            answer = _ask(service)
            told[str(answer.status_code) if answer.status_code == 200 else answer.json()["type"]] += 1

    with ThreadPoolExecutor(4) as pool, contextlib.ExitStack() as stack:
        stack.callback(over.set)
        asking = [pool.submit(ask_on) for _ in range(4)]
        until(lambda: told["200"] >= 20)
        os.kill(engine.pid, signal.SIGKILL)
        until(lambda: is_gone(engine))
        assert httpx.get(f"{service}/healthz", trust_env=False).status_code == 200
        refused = httpx.get(f"{service}/tasks", trust_env=False)
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        until(lambda: httpx.get(f"{service}/readyz", trust_env=False).status_code == 200)
        before = told["200"]
        until(lambda: told["200"] >= before + 20)
        over.set()
        for one in asking:
            one.result(60)
    assert set(told) <= {"200", "urn:nettailor:problem:engine-lost", "urn:nettailor:problem:not-ready"}
    assert {process.pid for process in _processes(folder, "server.front")} == fronts


@pytest.mark.nightly  # a service of its own
def test_told_to_stop_it_ends_all(tmp_path: Path) -> None:
    with random_backbone(tmp_path) as _, pytest.MonkeyPatch.context() as patch:
        patch.setenv("NETTAILOR_FRONTS", "1")
        up = LocalService(tmp_path / "data")
        url = up.start()
        pid = int(json.loads((tmp_path / "data" / "up.json").read_text())["pid"])
        family = psutil.Process(pid).children(recursive=True)
        assert len(family) >= 6
        up.stop()
        until(lambda: all(is_gone(process) for process in family))
        with Client(url) as client:
            assert not client.is_alive()


@pytest.mark.nightly  # imports torch once more
def test_an_engine_that_cannot_start_is_the_end(tmp_path: Path) -> None:
    with random_backbone(tmp_path) as _, pytest.MonkeyPatch.context() as patch:
        patch.setenv("NETTAILOR_FRONTS", "1")
        patch.setenv("NETTAILOR_BACKBONE_WEIGHTS", str(tmp_path / "nothing.safetensors"))
        with pytest.raises(ServiceStartFailed):
            LocalService(tmp_path / "data").start()
        said = (tmp_path / "data" / "up.log").read_text()
        assert "before it was ready; what it said stands above" in said
        assert "nothing.safetensors" in said
