"""Exports over real HTTP."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from nettailor.bundle import bundle as bundles
from nettailor.bundle.chain import linked
from registry.registry import Registry
from server.settings import ServerSettings
from tests.server.asking import IMAGES, ask, publish
from tests.server.export.weights import saved_backbone
from tests.server.oracle import expected_logits
from tests.server.running import Running
from tests.waiting import until

_PATH = "/tasks/signs/versions/1/export"


@pytest.fixture
def server_settings(tmp_path: Path) -> ServerSettings:
    return ServerSettings(data_dir=tmp_path, device="cpu", backbone_weights=saved_backbone(tmp_path))


def test_a_file_that_runs_without_us(server: Running, registry: Registry) -> None:
    data = publish(registry)
    answer = server.client.get(_PATH, params={"format": "onnx"}, timeout=100)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"] == 'attachment; filename="signs-1-fp32.onnx"'
    assert answer.headers["content-length"] == str(len(answer.content))
    assert answer.headers["x-task-version"] == "1"
    assert answer.headers["x-top1-agreement"] == "1"
    assert bundles.digest_of(data) in answer.headers["etag"]
    session = onnxruntime.InferenceSession(answer.content, providers=["CPUExecutionProvider"])
    [logits] = session.run(None, {"pixels": IMAGES.transpose(0, 2, 3, 1)})
    np.testing.assert_allclose(logits, expected_logits(bundles.decode(data), IMAGES), rtol=1e-4, atol=1e-4)
    same = server.client.get(_PATH, params={"format": "onnx"}, headers={"If-None-Match": answer.headers["etag"]})
    assert (same.status_code, same.content) == (304, b"")


@pytest.mark.nightly  # by day in one process: export/test_export
def test_a_version_that_stands_on_another_is_exported_with_what_that_has(server: Running, registry: Registry) -> None:
    first = publish(registry, "birds", seed=2, method="packnet")
    data = publish(registry, seed=3, method="packnet", after=bundles.digest_of(first))
    answer = server.client.get(_PATH, params={"format": "onnx"}, timeout=100)
    assert answer.status_code == 200, answer.text
    session = onnxruntime.InferenceSession(answer.content, providers=["CPUExecutionProvider"])
    [logits] = session.run(None, {"pixels": IMAGES.transpose(0, 2, 3, 1)})
    bundle = linked(bundles.decode(data), {bundles.digest_of(first): first}.get)
    np.testing.assert_allclose(logits, expected_logits(bundle, IMAGES), rtol=1e-4, atol=1e-4)
    registry.blobs.delete(bundles.digest_of(first))
    answer = server.client.get(_PATH, params={"format": "onnx"})
    assert (answer.status_code, answer.json()["title"]) == (424, "predecessor missing")
    assert bundles.digest_of(first) in answer.json()["detail"]


@pytest.mark.nightly  # by day without HTTP: export/test_worker
def test_predictions_go_on_and_a_second_export_waits_for_its_turn(server: Running, registry: Registry) -> None:
    publish(registry)
    folder = server.service.settings.cache_folder / "exports"
    with ThreadPoolExecutor() as pool:
        first = pool.submit(server.client.get, _PATH, params={"format": "onnx", "dtype": "fp16"}, timeout=100)
        until(lambda: folder.is_dir() and any(folder.iterdir()))
        assert ask(server).status_code == 200
        second = server.client.get(_PATH, params={"format": "onnx"})
        assert second.status_code == 429
        assert second.json()["type"].endswith("overloaded")
        assert int(second.headers["retry-after"]) > 0
        assert first.result().headers["content-disposition"].endswith('-fp16.onnx"')
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        (f"{_PATH}?format=tflite", 422, "query.format"),
        (f"{_PATH}?format=onnx&dtype=int8", 422, "query.dtype"),
        (_PATH, 422, "query.format"),
        ("/tasks/signs/versions/0/export?format=onnx", 422, "path.version"),
        ("/tasks/signs/versions/9/export?format=onnx", 404, "9"),
        ("/tasks/nothing/versions/1/export?format=onnx", 404, "nothing"),
    ],
)
def test_what_cannot_be_exported(path: str, status: int, said: str, server: Running, registry: Registry) -> None:
    publish(registry)
    answer = server.client.get(path)
    assert answer.status_code == status
    assert said in answer.json()["detail"]


def test_an_export_that_takes_too_long(server: Running, registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(registry)
    monkeypatch.setattr(server.service.parts.exports, "_limit_seconds", 0.05)
    answer = server.client.get(_PATH, params={"format": "onnx"})
    assert answer.status_code == 504
    assert answer.json()["type"].endswith("export-too-slow")
    assert ask(server).status_code == 200
