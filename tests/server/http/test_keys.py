"""Predictions take a way of their own past the routes; keys are asked for before it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from hosting.access.key_file import add_key
from hosting.access.keys import Scope, new_key
from registry.registry import Registry
from server.settings import ServerSettings
from tests.server.asking import FILES, publish
from tests.server.running import Running, running


@pytest.fixture
def keys_file(tmp_path: Path) -> Path:
    return tmp_path / "keys.toml"


@pytest.fixture
def secret(keys_file: Path) -> str:
    """Of a camera's key: it may predict `signs`, and no more."""
    return make_key(keys_file, "camera", "predict")


def make_key(keys_file: Path, name: str, scope: Scope) -> str:
    key, secret = new_key(name, [scope], ["signs"])
    add_key(keys_file, key)
    return secret


@pytest.fixture
def locked(server_settings: ServerSettings, registry: Registry, keys_file: Path, secret: str) -> Iterator[Running]:
    publish(registry)
    publish(registry, "flowers", seed=2, classes=3)
    changes = {"keys_file": keys_file, "audit_log": keys_file.with_name("audit.jsonl")}
    with running(server_settings.model_copy(update=changes), registry) as started:
        yield started


def test_predictions_need_a_key(locked: Running, secret: str, keys_file: Path) -> None:
    key = {"Authorization": f"Bearer {secret}"}
    ways = (
        "/tasks/signs/predict",
        "/tasks/signs@live/predict",
        "/tasks/signs/versions/1/predict",
        "/predict?tasks=signs",
        "/predict?tasks=signs@1,%20signs",
    )
    for way in ways:
        assert locked.client.post(way, content=FILES[0]).status_code == 401, way
        assert locked.client.post(way, content=FILES[0], headers=key).status_code == 200, way
    for other in ("/tasks/flowers/predict", "/tasks/flowers/versions/1/predict", "/predict?tasks=signs,+flowers"):
        answer = locked.client.post(other, content=FILES[0], headers=key)
        assert (answer.status_code, answer.json()["task"]) == (403, "flowers"), other
    assert locked.client.post("/predict?tasks=signs&tasks=flowers", content=FILES[0], headers=key).status_code == 403
    for path in ("/healthz", "/readyz", "/metrics", "/docs"):
        assert locked.client.get(path).status_code == 200, path
    assert keys_file.with_name("audit.jsonl").read_text() == ""  # predictions are not for the audit log


def test_keys_older_than_the_scope_go_on_predicting(locked: Running, keys_file: Path) -> None:
    expected: dict[Scope, int] = {"read": 200, "publish": 403, "promote": 403, "admin": 403}
    for scope, status in expected.items():
        key = {"Authorization": f"Bearer {make_key(keys_file, f'only-{scope}', scope)}"}
        answer = locked.client.post("/tasks/signs/predict", content=FILES[0], headers=key)
        assert answer.status_code == status, scope
        assert status == 200 or answer.json()["scope"] == "predict"


def test_predictions_are_limited_by_rate_and_counted(server_settings: ServerSettings, registry: Registry) -> None:
    publish(registry)
    changes = {"rate_limit_per_second": 0.001, "rate_burst": 1}
    with running(server_settings.model_copy(update=changes), registry) as started:
        answers = [started.client.post("/tasks/signs/predict", content=FILES[0]) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [200, 429]
        assert int(answers[1].headers["Retry-After"]) > 1
        assert 'nettailor_rejected_total{reason="rate"} 1.0' in started.client.get("/metrics").text
