"""One service, several backbones: each task is answered by its own, as a service of that one alone would answer."""

import contextlib
import functools
import random
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from hosting.redis_server.embedded import EmbeddedRedis
from nettailor.bundle import bundle as bundles
from nettailor.bundle.preprocessing import IMAGENET_MEAN, IMAGENET_STD, Preprocessing
from nettailor.network.stored_backbone import stored_bytes
from registry.registry import Registry
from registry.storage.blobs import Blobs
from registry.wiring import connect
from server.prediction.batch_runner import Runner
from server.scheduling.work import Item
from server.settings import ServerSettings
from tests.bundles import random_bundle
from tests.server.asking import FILES, IMAGES, assert_answers
from tests.server.oracle import backbone, fingerprint
from tests.server.running import Running, running
from tests.waiting import until

OWN, OTHER = "mini26", "resnet18"
_PIXELS = Preprocessing(resize=32, crop=32, mean=IMAGENET_MEAN, std=IMAGENET_STD)
TASKS = {"small": (OWN, 1), "tiny": (OWN, 2), "large": (OTHER, 3), "big": (OTHER, 4)}  # backbone, seed


@functools.cache
def bundle_of(task: str) -> bytes:
    name, seed = TASKS[task]
    manifest, tensors = random_bundle(task=task, backbone=name, fingerprint=fingerprint(name), seed=seed)
    return bundles.encode(manifest.model_copy(update={"preprocessing": _PIXELS}), tensors)


def publish(registry: Registry, *tasks: str) -> None:
    for task in tasks:
        record = registry.publish(task, bundle_of(task), actor="test")
        registry.promote(task, "live", record.version, actor="test", reason="test")


def add(registry: Registry, name: str = OTHER) -> None:
    registry.add_backbone(f"our-{name}", stored_bytes(backbone(name)), actor="test")


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> ServerSettings:
    return ServerSettings(data_dir=tmp_path_factory.mktemp("data"), device="cpu", max_wait_ms=5, winograd=False)


@contextlib.contextmanager
def _registry(redis_server: EmbeddedRedis, folder: Path) -> Iterator[Registry]:
    with contextlib.closing(connect(redis_server.url)) as client:
        client.flushall()
        yield Registry(Blobs(str(folder / "blobs")), client)


@pytest.fixture(scope="module")
def server(settings: ServerSettings, redis_server: EmbeddedRedis) -> Iterator[Running]:
    """Of a mini26, over a registry that has a resnet18, too; two tasks on each."""
    with _registry(redis_server, settings.data_dir) as registry:
        add(registry)
        publish(registry, *TASKS)
        with running(settings, registry) as server:
            yield server


def _ask(server: Running, names: Sequence[str], image: int) -> list[dict[str, Any]]:
    path = f"/tasks/{names[0]}/predict?" if len(names) == 1 else f"/predict?tasks={','.join(names)}&"
    answer = server.client.post(f"{path}top_k=5", content=FILES[image])
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return [found] if len(names) == 1 else found["results"]


def _probabilities(answer: dict[str, Any]) -> dict[str, float]:
    return {label["label"]: label["probability"] for label in answer["predictions"][0]}


def _infer(server: Running, task: str) -> httpx.Response:
    """By the Open Inference Protocol, of the first image."""
    tensor = {"name": "pixels", "datatype": "UINT8", "shape": [1, 32, 32, 3]}
    tensor["data"] = IMAGES[0].transpose(1, 2, 0).ravel().tolist()
    return server.client.post(f"/v2/models/{task}/infer", json={"inputs": [tensor]})


def test_it_is_loaded_when_the_first_task_needs_it(server: Running) -> None:
    assert server.client.get("/readyz").json() == {"state": "ready", "tasks": 4, "backbones": [OWN]}
    assert "nettailor_backbones 1.0" in server.client.get("/metrics").text
    [found] = _ask(server, ["large"], 0)
    assert_answers(found, bundle_of("large"), [0])
    assert server.client.get("/readyz").json()["backbones"] == [OWN, "our-resnet18"]
    metrics = server.client.get("/metrics").text
    [size] = [line for line in metrics.splitlines() if line.startswith("nettailor_backbone_bytes ")]
    assert float(size.split()[1]) == server.service.parts.backbones.size_bytes > 40e6
    assert "nettailor_backbones 2.0" in metrics


def test_mixed_traffic_is_answered_as_by_services_of_one_backbone(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches: list[set[str]] = []
    run = Runner.__call__

    def watched(runner: Runner, batch: Sequence[Item[Any]]) -> Any:
        batches.append({part.backbone for item in batch for part in item.work.parts})
        return run(runner, batch)

    monkeypatch.setattr(Runner, "__call__", watched)
    asked = [(names, image) for names in (*([task] for task in TASKS), [*TASKS]) for image in range(len(IMAGES))] * 3
    random.Random(0).shuffle(asked)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda ask: _ask(server, *ask), asked))
    first: dict[tuple[str, int], dict[str, Any]] = {}
    for (names, image), found in zip(asked, answers, strict=True):
        assert [one["task"] for one in found] == names
        for task, one in zip(names, found, strict=True):
            before = first.setdefault((task, image), one)
            assert _probabilities(one) == pytest.approx(_probabilities(before), abs=1e-4)
    for (task, image), one in first.items():
        assert_answers(one, bundle_of(task), [image])
    assert {len(of) for of in batches} == {1}
    assert set().union(*batches) == {fingerprint(OWN), fingerprint(OTHER)}


def test_models_of_the_open_inference_protocol_are_answered_by_their_own(server: Running) -> None:
    client = server.client
    for task in ("small", "large"):
        shape = [-1, len(bundles.decode(bundle_of(task)).manifest.classes)]
        assert client.get(f"/v2/models/{task}").json()["outputs"][0]["shape"] == shape
        assert client.get(f"/v2/models/{task}/ready").status_code == 200
        assert client.post(f"/v2/repository/models/{task}/load").status_code == 200
        answer = _infer(server, task).json()["outputs"][0]
        native = _probabilities(_ask(server, [task], 0)[0])
        assert sorted(answer["data"]) == pytest.approx(sorted(native.values()), abs=1e-4)
    entries = client.post("/v2/repository/index").json()
    assert {"small", "large"} <= {entry["name"] for entry in entries if entry["state"] == "READY"}
    statistics = client.get("/v2/models/large/stats").json()["model_stats"]
    assert statistics[0]["memory_usage"][0]["type"] == "CPU"
    for task in ("small", "large"):
        assert client.post(f"/v2/repository/models/{task}/unload").status_code == 200


@pytest.mark.nightly
def test_a_version_is_exported_with_its_own_backbone(server: Running) -> None:
    import onnxruntime

    answer = server.client.get("/tasks/large/versions/1/export", params={"format": "onnx"}, timeout=120)
    assert (answer.status_code, answer.headers["X-Top1-Agreement"]) == (200, "1"), answer.text
    session = onnxruntime.InferenceSession(answer.content, providers=["CPUExecutionProvider"])
    assert session.get_modelmeta().custom_metadata_map["digest"] == bundles.digest_of(bundle_of("large"))


def test_one_that_nobody_added_is_told_and_answers_once_it_is(
    tmp_path: Path, settings: ServerSettings, redis_server: EmbeddedRedis
) -> None:
    fresh = settings.model_copy(update={"data_dir": tmp_path, "cache_dir": tmp_path / "cache"})
    with _registry(redis_server, tmp_path) as registry:
        publish(registry, "small", "large")
        with running(fresh, registry) as server:
            refused = server.client.post("/tasks/large/predict", content=FILES[0])
            assert refused.status_code == 424
            problem = refused.json()
            assert problem["type"] == "urn:nettailor:problem:bundle-without-backbone"
            assert (problem["task"], problem["version"]) == ("large", 1)
            assert f"a resnet18 of fingerprint {fingerprint(OTHER)}" in problem["detail"]
            assert "nettailor backbone add FILE --name NAME" in problem["detail"]
            for answer in (server.client.get("/v2/models/large/ready"), _infer(server, "large")):
                assert (answer.status_code, answer.json()["detail"]) == (424, problem["detail"])
            add(registry)
            assert_answers(_ask(server, ["large"], 0)[0], bundle_of("large"), [0])
            assert_answers(_ask(server, ["small"], 1)[0], bundle_of("small"), [1])


def test_a_version_that_waits_for_its_backbone_takes_over_when_it_is_added(
    tmp_path: Path, settings: ServerSettings, redis_server: EmbeddedRedis
) -> None:
    """And one whose last bundle has gone leaves when it is removed."""
    changes = {"data_dir": tmp_path, "cache_dir": tmp_path / "cache", "reconcile_seconds": 0.5}
    fresh = settings.model_copy(update=changes)
    with _registry(redis_server, tmp_path) as registry:
        manifest, tensors = random_bundle(task="large", fingerprint=fingerprint(OWN), seed=9)
        first = registry.publish("large", bundles.encode(manifest, tensors), actor="test")
        registry.promote("large", "live", first.version, actor="test", reason="")
        with running(fresh, registry) as server:
            failures = server.service.metrics.load_failures.labels("BackboneNotHere")
            publish(registry, "large")
            until(lambda: failures._value.get() > 0)
            assert _ask(server, ["large"], 0)[0]["version"] == 1
            add(registry)
            until(lambda: _ask(server, ["large"], 0)[0]["version"] == 2)
            assert_answers(_ask(server, ["large"], 0)[0], bundle_of("large"), [0])
            registry.promote("large", "live", 1, actor="test", reason="")
            registry.delete_version("large", 2, actor="test", reason="")
            registry.remove_backbone("our-resnet18", actor="test", reason="")
            until(lambda: len(server.service.parts.backbones) == 1)


def test_one_for_which_there_is_no_room_is_refused_and_the_others_go_on(
    tmp_path: Path, settings: ServerSettings, redis_server: EmbeddedRedis
) -> None:
    small = settings.model_copy(update={"data_dir": tmp_path, "cache_dir": tmp_path / "cache", "backbones_max": 1})
    with _registry(redis_server, tmp_path) as registry:
        add(registry)
        publish(registry, "small", "large")
        with running(small, registry) as server:
            refused = server.client.post("/tasks/large/predict", content=FILES[0])
            assert (refused.status_code, refused.json()["type"]) == (
                424,
                "urn:nettailor:problem:bundle-without-backbone",
            )
            assert "no room for backbone 'our-resnet18'" in refused.json()["detail"]
            assert "1 of 1 are in memory (NETTAILOR_BACKBONES_MAX)" in refused.json()["detail"]
            assert_answers(_ask(server, ["small"], 0)[0], bundle_of("small"), [0])


def test_probabilities_of_the_two_differ() -> None:
    """Or these tests would show nothing."""
    from tests.server.asking import shares

    assert not np.allclose(shares(bundle_of("small")), shares(bundle_of("large")), atol=1e-2)
