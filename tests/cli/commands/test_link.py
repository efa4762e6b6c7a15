"""`nettailor link` prints what a browser, which sends no key, can open."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import redis
from typer.testing import CliRunner, Result

from cli.main import app
from hosting.access.key_file import add_key
from hosting.access.keys import new_key
from hosting.settings.settings import Settings
from registry.http.app import create_app
from registry.registry import LIVE, Registry
from registry.storage.blobs import Blobs
from tests.bundles import tiny_bytes
from tests.serving import served


@pytest.fixture
def registry(tmp_path: Path, redis_client: "redis.Redis") -> Registry:
    registry = Registry(Blobs(str(tmp_path / "blobs")), redis_client)
    report = registry.blobs.put(b"<html>how it was made</html>")
    record = registry.publish("signs", tiny_bytes(), actor="me", attachments={"report.html": report})
    registry.promote("signs", LIVE, record.version, actor="me", reason="")
    return registry


@pytest.fixture
def secret(tmp_path: Path) -> str:
    key, secret = new_key("ann", ["read"])
    add_key(tmp_path / "keys.json", key)
    return secret


@pytest.fixture
def url(registry: Registry, secret: str, tmp_path: Path) -> Iterator[str]:
    """Of a service with keys."""
    with served(create_app(registry, Settings(keys_file=tmp_path / "keys.json"))) as url:
        yield url


def _link(url: str, *arguments: str, secret: str = "") -> Result:
    return CliRunner(env={"NETTAILOR_KEY": secret}).invoke(app, ["link", *arguments, "--url", url])


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        ((), "signs"),
        (("signs",), "how it was made"),
        (("signs", "--version", "1"), "how it was made"),
    ],
)
def test_a_link_opens_its_page(url: str, secret: str, arguments: tuple[str, ...], shown: str) -> None:
    printed = _link(url, *arguments, secret=secret).stdout.strip()
    assert printed.startswith(url)
    opened = httpx.get(printed, trust_env=False)
    assert opened.status_code == 200
    assert shown in opened.text
    assert secret not in printed


def test_without_keys_it_is_the_page_itself(registry: Registry) -> None:
    with served(create_app(registry, Settings())) as url:
        assert _link(url, "signs").stdout.strip() == f"{url}/tasks/signs/report"


def test_a_link_to_one_thing_at_a_time(url: str, secret: str) -> None:
    for arguments in (("signs", "--job", "j"), ("--version", "1"), ("--version", "1", "--job", "j")):
        assert _link(url, *arguments, secret=secret).exit_code == 2, arguments
    refused = _link(url)
    assert (refused.exit_code, refused.stdout) == (1, "")
