"""The routes over real HTTP: bodies, answers, and versions that change while requests come."""

import base64
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import httpx
import pytest

from nettailor import images
from nettailor.bundle import bundle as bundles
from registry.registry import Registry
from tests.server.asking import FILES, assert_answers, publish
from tests.server.oracle import make_bytes
from tests.server.running import Running


def test_raw_multipart_and_json(server: Running, registry: Registry) -> None:
    data = publish(registry)
    ask = server.client.post
    raw = ask("/tasks/signs/predict", content=FILES[0], headers={"content-type": "image/png"})
    assert raw.status_code == 200
    assert_answers(raw.json(), data, [0])
    assert raw.headers["x-task-version"] == "1"
    assert "switch;dur=" in raw.headers["server-timing"]
    assert raw.json()["request_id"] == raw.headers["x-request-id"]
    assert set(raw.json()) == {
        "task",
        "version",
        "digest",
        "predictions",
        "tier",
        "switch_ms",
        "queue_ms",
        "inference_ms",
        "request_id",
    }
    untyped = httpx.Request("POST", server.client.base_url.join("/tasks/signs/predict"), content=FILES[0])
    assert_answers(server.client.send(untyped).json(), data, [0])
    multipart = ask("/tasks/signs/predict?top_k=2", files=[("image", (f"{i}.png", f)) for i, f in enumerate(FILES)])
    assert_answers(multipart.json(), data, [0, 1, 2], top_k=2)
    assert multipart.json()["tier"] == "device"
    texts = [base64.b64encode(FILES[1]).decode(), "data:image/png;base64," + base64.b64encode(FILES[2]).decode()]
    assert_answers(ask("/tasks/signs@live/predict", json={"images": texts}).json(), data, [1, 2])


def test_versions_aliases_and_many_tasks(server: Running, registry: Registry) -> None:
    first = publish(registry, seed=1)
    second = publish(registry, seed=2, alias="candidate", statistics="frozen")
    other = publish(registry, "letters", seed=3, classes=40)
    ask = server.client.post
    assert_answers(ask("/tasks/signs/predict", content=FILES[0]).json(), first, [0])
    assert_answers(ask("/tasks/signs@candidate/predict", content=FILES[0]).json(), second, [0])
    assert_answers(ask("/tasks/signs/versions/2/predict", content=FILES[0]).json(), second, [0])
    before = _sample(server, "nettailor_batch_images_sum")
    many = ask("/predict?tasks=letters,signs,signs@candidate&top_k=3", content=FILES[1])
    assert many.status_code == 200
    assert many.headers["x-task-version"] == "letters=1, signs=1, signs=2"
    assert _sample(server, "nettailor_batch_images_sum") == before + 1  # one image, one pass
    assert _sample(server, "nettailor_batch_tasks_sum") >= 2
    one_by_one = ask("/predict?tasks=letters&tasks=signs,signs@candidate", content=FILES[1])
    assert one_by_one.headers["x-task-version"] == "letters=1, signs=1, signs=2"
    for result, data in zip(many.json()["results"], [other, first, second], strict=True):
        assert_answers(result, data, [1], top_k=3)
    metrics = server.client.get("/metrics").text
    assert (
        'nettailor_resident_task{int8="false",pinned="false",task="letters",tier="device",version="1"} 1.0' in metrics
    )
    assert 'nettailor_requests_total{code="200",task="signs"} 5.0' in metrics


def test_a_bundle_published_while_the_server_runs_is_served(server: Running, registry: Registry) -> None:
    assert server.client.get("/readyz").json() == {"state": "ready", "tasks": 0, "backbones": ["mini26"]}
    for index in range(3):
        task = f"task{index}"
        data = publish(registry, task, seed=index)
        assert_answers(server.client.post(f"/tasks/{task}/predict", content=FILES[0]).json(), data, [0])


def test_a_new_version_takes_over_under_continuous_requests(server: Running, registry: Registry) -> None:
    """No request fails, and every answer is that of the version it names."""
    data = {1: publish(registry, seed=1)}
    kept: list[httpx.Response] = []
    more, done = threading.Condition(), threading.Event()

    def ask() -> None:
        with httpx.Client(base_url=server.client.base_url, timeout=30) as client:
            while not done.is_set():
                answer = client.post("/tasks/signs/predict", content=FILES[0])
                with more:
                    kept.append(answer)
                    more.notify()

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for version in range(1, 6):
            if version > 1:
                statistics: Any = "frozen" if version % 2 else "task"
                data[version] = publish(registry, seed=version, statistics=statistics)
            with more:
                assert more.wait_for(partial(_is_answered_by, version, kept), timeout=30)
    finally:
        done.set()
        for thread in threads:
            thread.join(30)
    assert {answer.status_code for answer in kept} == {200}
    expected = {bundles.digest_of(bundle): bundle for bundle in data.values()}
    for answer in {answer.content: answer for answer in kept}.values():
        prediction = answer.json()
        assert bundles.digest_of(data[prediction["version"]]) == prediction["digest"]
    for version in data:  # the oracle is slow: one answer a version
        first = next(a.json() for a in kept if a.json()["version"] == version)
        assert_answers(first, expected[first["digest"]], [0])
        for prediction in (a.json() for a in kept if a.json()["version"] == version):
            assert _flat(prediction) == pytest.approx(_flat(first), abs=1e-5)
    while {row.id.version for row in server.service.parts.residency.table() if row.tier == "device"} != {5}:
        server.client.get("/healthz")  # the old one goes a moment after the flip


def test_a_slow_load_or_a_slow_image_holds_up_nobody_else(
    server: Running, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick, slow = publish(registry, "quick", seed=1), make_bytes("slow", seed=2)
    assert server.client.post("/tasks/quick/predict", content=FILES[0]).status_code == 200
    began, go = threading.Event(), threading.Event()
    read, decode = registry.blobs.read, images.decode

    def read_slowly(digest: str) -> bytes:
        if digest == bundles.digest_of(slow):
            began.set()
            assert go.wait(30)
        return read(digest)

    def decode_slowly(data: bytes, **limits: Any) -> Any:
        if data == FILES[2]:
            began.set()
            assert go.wait(30)
        return decode(data, **limits)

    monkeypatch.setattr(server.service.parts.residency.loader, "_read_blob", read_slowly)
    monkeypatch.setattr(images, "decode", decode_slowly)
    publish(registry, "slow", seed=2)
    url = str(server.client.base_url).rstrip("/")
    for task, file in (("slow", FILES[0]), ("quick", FILES[2])):
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(httpx.post, f"{url}/tasks/{task}/predict", content=file, timeout=30)
            try:
                assert began.wait(30)
                assert_answers(server.client.post("/tasks/quick/predict", content=FILES[1]).json(), quick, [1])
                assert not waiting.done()
            finally:
                go.set()
            assert waiting.result(30).json()["task"] == task
        began.clear()
        go.clear()


def _flat(prediction: dict[str, Any]) -> list[float]:
    return [number for label in prediction["predictions"][0] for number in (label["index"], label["probability"])]


def _is_answered_by(version: int, kept: list[httpx.Response]) -> bool:
    return bool(kept) and kept[-1].json().get("version") == version


def _sample(server: Running, name: str) -> float:
    lines = server.client.get("/metrics").text.splitlines()
    return next(float(line.split()[-1]) for line in lines if line.startswith(f"{name} "))
