"""Whose key may ask what under `/v2`, and in what form the others are refused."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from hosting.access.key_file import add_key
from hosting.access.keys import Scope, new_key
from registry.registry import Registry
from server.settings import ServerSettings
from tests.server.asking import FILES
from tests.server.running import Running, running

RAW = {"Inference-Header-Content-Length": "0"}


@pytest.fixture(scope="module")
def keys_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keys") / "keys.toml"


@pytest.fixture(scope="module")
def secrets(keys_file: Path) -> dict[str, str]:
    """By name: `signs` is good for that task alone, the others for all, each for one scope."""
    names: list[tuple[str, Scope]] = [
        ("signs", "predict"),
        ("predict", "predict"),
        ("read", "read"),
        ("admin", "admin"),
    ]
    found = {}
    for name, scope in names:
        key, found[name] = new_key(name, [scope], ["signs"] if name == "signs" else [])
        add_key(keys_file, key)
    return found


@pytest.fixture(scope="module")
def locked(settings: ServerSettings, stocked: Registry, keys_file: Path, secrets: dict[str, str]) -> Iterator[Running]:
    with running(settings.model_copy(update={"keys_file": keys_file}), stocked) as started:
        yield started


@pytest.mark.parametrize(
    ("method", "path", "may"),
    [
        ("POST", "models/signs/infer", "signs predict read"),
        ("POST", "models/signs@candidate/infer", "signs predict read"),
        ("POST", "models/signs/versions/1/infer", "signs predict read"),
        ("POST", "models/flowers/infer", "predict read"),
        ("GET", "models/signs", "signs predict read"),
        ("GET", "models/signs/config", "signs predict read"),
        ("GET", "models/signs/versions/1/ready", "signs predict read"),
        ("GET", "models", "read"),
        ("GET", "models/signs/stats", "read"),
        ("GET", "models/stats", "read"),
        ("POST", "repository/index", "read"),
        ("POST", "repository/models/signs/load", "admin"),
        ("POST", "repository/models/signs/unload", "admin"),
    ],
)
def test_who_may_ask(locked: Running, secrets: dict[str, str], method: str, path: str, may: str) -> None:
    def ask(headers: dict[str, str]) -> httpx.Response:
        is_raw = path.endswith("infer")
        body, more = (FILES[0], RAW) if is_raw else (None, {})
        return locked.client.request(method, f"/v2/{path}", content=body, headers=headers | more)

    found = set()
    for name, secret in secrets.items():
        answer = ask({"Authorization": f"Bearer {secret}"})
        assert answer.status_code in (200, 403), answer.text
        if answer.status_code == 200:
            found.add(name)
        else:
            assert answer.headers["content-type"] == "application/json"
            assert isinstance(answer.json()["error"], str)
    assert found == set(may.split())
    unknown = ask({})
    assert (unknown.status_code, unknown.headers["content-type"]) == (401, "application/json")
    assert "www-authenticate" in unknown.headers


@pytest.mark.parametrize("path", ["", "/", "/health/live", "/health/ready"])
def test_whether_it_is_there_is_told_to_everybody(locked: Running, path: str) -> None:
    assert locked.client.get(f"/v2{path}").status_code == 200
