from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import redis

from hosting.access.key_file import add_key
from hosting.access.keys import new_key
from hosting.settings.settings import Settings
from nettailor_client import Client
from nettailor_client.errors import RequestRefused
from registry.http.app import create_app
from registry.registry import Registry
from registry.storage.blobs import Blobs
from tests.backbones import random_backbone_file
from tests.serving import served

FILE = random_backbone_file()


@pytest.fixture
def registry(tmp_path: Path, redis_client: "redis.Redis") -> Registry:
    return Registry(Blobs(str(tmp_path / "blobs")), redis_client)


def test_added_listed_and_removed(client: Client) -> None:
    added = client.add_backbone("ours", FILE, note="of the lab")
    assert (added.name, added.architecture, added.actor) == ("ours", "mini26", "ann")
    assert (len(added.fingerprint), added.size_bytes, added.note) == (64, len(FILE), "of the lab")
    assert client.add_backbone("ours", FILE) == added
    assert client.backbones() == [added]
    client.remove_backbone("ours", reason="old")
    assert client.backbones() == []


@pytest.mark.parametrize(
    ("name", "data", "status"), [("resnet18", FILE, 409), ("Ours", FILE, 422), ("ours", b"no weights", 422)]
)
def test_refused_with_its_reason(client: Client, name: str, data: bytes, status: int) -> None:
    with pytest.raises(RequestRefused) as refused:
        client.add_backbone(name, data)
    assert refused.value.status == status
    with pytest.raises(RequestRefused) as refused:
        client.remove_backbone(name)
    assert refused.value.status == 404


@pytest.fixture
def locked(registry: Registry, tmp_path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """The URL of a registry with keys, and a secret of each scope."""
    file, secrets = tmp_path / "keys.json", {}
    for scope in ("read", "publish", "admin"):
        key, secrets[scope] = new_key(scope, [scope], [])
        add_key(file, key)
    with served(create_app(registry, Settings(data_dir=tmp_path, keys_file=file))) as url:
        yield url, secrets


def test_to_list_needs_read_and_to_change_needs_admin(locked: tuple[str, dict[str, str]]) -> None:
    url, secrets = locked

    def status(method: str, path: str, scope: str) -> int:
        headers = {"Authorization": f"Bearer {secrets[scope]}"}
        return httpx.request(
            method, f"{url}{path}", headers=headers, content=FILE if method == "PUT" else b""
        ).status_code

    assert status("GET", "/backbones", "read") == 200
    assert status("PUT", "/backbones/ours", "publish") == 403
    assert status("PUT", "/backbones/ours", "admin") == 200
    assert status("DELETE", "/backbones/ours", "read") == 403
    assert status("DELETE", "/backbones/ours", "admin") == 204
