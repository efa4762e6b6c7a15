"""Two fronts before one engine: what counts once, what is merged, and what happens when one of them dies."""

import os
import signal
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx
import pytest

from hosting.access.key_file import add_key
from hosting.access.keys import new_key
from registry.registry import Registry
from server.settings import ServerSettings
from tests.server.asking import FILES, publish
from tests.server.fronts import linked
from tests.server.held import Held
from tests.server.running import Running, running
from tests.waiting import until

_BURST = 60
_SECRETS: dict[str, str] = {}  # by the names of keys


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> ServerSettings:
    folder = tmp_path_factory.mktemp("data")
    for name in ("camera", "greedy"):
        key, _SECRETS[name] = new_key(name, ["predict"], ["signs", "flowers", "trees", "nothing"])
        add_key(folder / "keys.toml", key)
    return ServerSettings(
        data_dir=folder,
        keys_file=folder / "keys.toml",
        device="cpu",
        max_wait_ms=1,
        max_batch=1,
        queue_bound=4,
        queue_bound_ms=1_000_000,  # held batches take long, and are no measure
        rate_limit_per_second=0.001,
        rate_burst=_BURST,
        fronts=2,
    )


@pytest.fixture(scope="module")
def server(settings: ServerSettings, stocked: Registry) -> Iterator[Running]:
    with running(settings, stocked) as server:
        yield server


def authorization(name: str = "camera") -> dict[str, str]:
    return {"Authorization": f"Bearer {_SECRETS[name]}"}


def ask(server: Running, task: str = "signs", who: str = "camera") -> httpx.Response:
    """Over a connection of its own, which any front may take."""
    url = server.client.base_url.join(f"/tasks/{task}/predict")
    return httpx.post(url, content=FILES[0], headers=authorization(who), timeout=60, trust_env=False)


@contextmanager
def held(server: Running) -> Iterator[Held]:
    """The engine runs nothing until it is let go."""
    scheduler = server.service.parts.scheduler
    run = Held(scheduler._runner, lambda batch: True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scheduler, "_runner", run)
        try:
            yield run
        finally:
            run.go.set()
    until(lambda: not server.service.parts.admission.under_way)


def count(server: Running, code: str, task: str = "signs") -> float:
    labels = {"task": task, "code": code}
    return server.service.metrics.registry.get_sample_value("nettailor_requests_total", labels) or 0.0


def test_the_page_of_metrics_has_what_all_fronts_have_counted(server: Running) -> None:
    server.client.get("/metrics")
    before = count(server, "200"), count(server, "200", "_other"), count(server, "404", "_other")
    for _ in range(10):
        assert ask(server).status_code == 200
    assert ask(server, "nothing").status_code == 404
    page = server.client.get("/metrics").text
    assert f'nettailor_requests_total{{code="200",task="signs"}} {before[0] + 10}' in page
    assert f'nettailor_requests_total{{code="404",task="_other"}} {before[2] + 1}' in page
    assert "nettailor_fronts 2.0" in page


def test_a_deleted_task_leaves_no_series(server: Running, stocked: Registry) -> None:
    publish(stocked, "trees", seed=9, classes=4)
    assert ask(server, "trees").status_code == 200
    assert 'task="trees"' in server.client.get("/metrics").text
    stocked.delete_task("trees", actor="test", reason="test")
    until(lambda: ask(server, "trees").status_code == 404)
    assert 'task="trees"' not in server.client.get("/metrics").text


def test_the_queue_is_bounded_for_all_fronts_together(server: Running) -> None:
    bound = server.service.settings.queue_bound
    with held(server) as run, ThreadPoolExecutor(bound) as pool:
        accepted = [pool.submit(ask, server) for _ in range(bound)]
        assert run.began.wait(30)
        until(lambda: server.service.parts.admission.under_way == bound)
        refused = [ask(server) for _ in range(8)]
        assert {answer.status_code for answer in refused} == {429}
        assert all(int(answer.headers["retry-after"]) >= 1 for answer in refused)
        run.go.set()
        assert [answer.result(60).status_code for answer in accepted] == [200] * bound


def test_who_has_no_key_is_refused_without_the_engine(server: Running) -> None:
    url = server.client.base_url.join("/tasks/signs/predict")
    assert httpx.post(url, content=FILES[0], trust_env=False).status_code == 401
    assert ask(server, "others").status_code == 403
    assert server.client.get("/tasks").status_code == 401  # what is passed on needs one as well
    assert server.client.get("/readyz").status_code == 200


def test_a_caller_s_rate_is_limited_for_all_fronts_together(server: Running) -> None:
    codes = [ask(server, who="greedy").status_code for _ in range(_BURST + 5)]
    assert codes == [200] * _BURST + [429] * 5
    assert ask(server).status_code == 200
    assert 'nettailor_rejected_total{reason="rate"} 5.0' in server.client.get("/metrics").text


def test_a_client_that_goes_is_not_worked_for(server: Running) -> None:
    with held(server) as run, ThreadPoolExecutor(1) as pool:
        first = pool.submit(ask, server)
        assert run.began.wait(30)
        url = server.client.base_url
        with socket.create_connection((url.host, url.port or 80)) as client:
            headers = {"Host": "localhost", "Content-Length": str(len(FILES[0])), **authorization()}
            lines = ["POST /tasks/signs/predict HTTP/1.1", *(": ".join(each) for each in headers.items()), "", ""]
            client.sendall("\r\n".join(lines).encode() + FILES[0])
            until(lambda: server.service.parts.admission.under_way == 2)
        until(lambda: server.service.parts.admission.under_way == 1)
        run.go.set()
        assert first.result(60).status_code == 200
    server.client.get("/metrics")
    assert count(server, "499") == 1


def test_a_front_that_is_killed_takes_its_own_requests_with_it_and_no_others(server: Running) -> None:
    """Those of the other are answered, and so is what comes next, even before there is another front."""
    with held(server) as run, ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(_answered, server) for _ in range(4)]
        assert run.began.wait(30)
        until(lambda: server.service.parts.admission.under_way == 4)
        victim = server.fronts[0]
        os.kill(victim.pid, signal.SIGKILL)
        victim.wait(30)
        until(lambda: linked(server.service) == 1)
        run.go.set()
        ends = [one.result(60) for one in asked]
    assert set(ends) <= {200, None}
    until(lambda: not any(row.users for row in server.service.parts.residency.table()))
    assert ask(server).status_code == 200
    assert "nettailor_fronts 1.0" in server.client.get("/metrics").text


def _answered(server: Running) -> int | None:
    """None where the connection ended instead."""
    try:
        return ask(server).status_code
    except httpx.TransportError:
        return None


def test_a_front_that_is_told_to_stop_answers_what_it_has_accepted(server: Running) -> None:
    """The last one of this module."""
    [process] = [front for front in server.fronts if front.poll() is None]
    with held(server) as run, ThreadPoolExecutor(1) as pool:
        accepted = pool.submit(ask, server)
        assert run.began.wait(30)
        process.terminate()
        ready = server.client.base_url.join("/readyz")
        until(lambda: httpx.get(ready, trust_env=False).status_code == 503, process=process)
        assert httpx.get(ready, trust_env=False).json()["detail"] == "the server is draining"
        assert ask(server).status_code == 503
        run.go.set()
        assert accepted.result(60).status_code == 200
    assert process.wait(30) == 0
    until(lambda: linked(server.service) == 0)
