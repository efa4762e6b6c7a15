"""`nettailor registry pull` and `push`, as a user types them, between two real registries over HTTP."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from typer.testing import CliRunner, Result

from cli.main import app
from nettailor.durable import TEMPORARY_PREFIX
from registry.http.app import create_app
from registry.registry import Registry
from registry.storage.blobs import Blobs
from registry.versions.attachments import read
from registry.versions.version_file import VersionFile
from tests.bundles import tiny_bytes
from tests.serving import served
from tests.waiting import PATIENCE_SECONDS

_KILLED = """
import os, signal
from cli.main import app
import nettailor.durable

def killed(file, chunks):
    file.write(next(iter(chunks))[:1000])
    file.flush()
    os.kill(os.getpid(), signal.SIGKILL)

nettailor.durable._fill = killed
app()
"""
_REPORT = b"<h1>how it was made</h1>"


@pytest.fixture
def here(tmp_path: Path, redis_client: "redis.Redis") -> Registry:
    """A registry with one live version that has a report, a tag and a note."""
    registry = Registry(Blobs(str(tmp_path / "here")), redis_client, prefix="here:")
    kept = {"report.html": registry.blobs.put(_REPORT), "front/points.json": registry.blobs.put(b"[]")}
    registry.publish("signs", tiny_bytes(), actor="ann", job="j1", attachments=kept)
    registry.annotate("signs", 1, tags={"stage": "qa"}, note="a good one", actor="ann")
    registry.promote("signs", "live", 1, actor="ann", reason="start")
    return registry


@pytest.fixture
def there(tmp_path: Path, redis_client: "redis.Redis") -> Registry:
    """Another registry, whose `signs` has a version already."""
    registry = Registry(Blobs(str(tmp_path / "there")), redis_client, prefix="there:")
    registry.publish("signs", tiny_bytes(seed=1), actor="bob")
    return registry


@pytest.fixture
def urls(here: Registry, there: Registry) -> Iterator[tuple[str, str]]:
    with served(create_app(here)) as first, served(create_app(there)) as second:
        yield first, second


def _invoke(url: str, *arguments: str) -> Result:
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, ["registry", *arguments, "--url", url])


def _run(url: str, *arguments: str) -> str:
    result = _invoke(url, *arguments)
    assert result.exit_code == 0, result.output
    return result.output


def test_a_version_goes_from_one_installation_to_another(
    urls: tuple[str, str], here: Registry, there: Registry, tmp_path: Path
) -> None:
    file = tmp_path / "out" / "signs.zip"
    assert "signs version 1 (" in _run(urls[0], "pull", "signs", "--out", str(file))
    assert os.listdir(file.parent) == [file.name]
    assert f"is version 1 of {urls[0]}" in _run(urls[1], "push", str(file))
    mine, its = here.version_record("signs", 1), there.version_record("signs", 2)
    assert (its.digest, its.job, its.note) == (mine.digest, None, "a good one")
    assert there.read_bundle(its) == tiny_bytes()
    assert {name: its.attachments[name] for name in mine.attachments} == mine.attachments
    assert read(there.blobs, its, "report.html") == _REPORT
    assert there.annotation("signs", 2).tags == {"stage": "qa"}
    assert "live" not in there.task("signs").aliases
    origin = json.loads(read(there.blobs, its, "origin.json"))
    told = {name: origin[name] for name in ("service", "task", "version", "digest", "actor", "job", "aliases")}
    assert told == {
        "service": urls[0],
        "task": "signs",
        "version": 1,
        "digest": mine.digest,
        "actor": "ann",
        "job": "j1",
        "aliases": ["live"],
    }


def test_the_same_again_changes_nothing(urls: tuple[str, str], there: Registry, tmp_path: Path) -> None:
    file = tmp_path / "signs.zip"
    _run(urls[0], "pull", "signs", "1", "--out", str(file))
    first = json.loads(_run(urls[1], "push", str(file), "--json"))
    history = there.history("signs")
    assert json.loads(_run(urls[1], "push", str(file), "--json")) == first
    assert there.history("signs") == history


def test_where_a_version_was_before_goes_along(urls: tuple[str, str], tmp_path: Path) -> None:
    file, further = tmp_path / "signs.zip", tmp_path / "further.zip"
    _run(urls[0], "pull", "signs", "--out", str(file))
    _run(urls[1], "push", str(file))
    _run(urls[1], "pull", "signs", "2", "--out", str(further))
    packed = VersionFile(further.read_bytes())
    [earlier] = [name for name in packed.attachments if name.startswith("origins/")]
    assert (packed.origin.service, packed.origin.version) == (urls[1], 2)
    assert json.loads(packed.attachments[earlier])["service"] == urls[0]


def test_what_was_there_without_attachments_stays_so_and_is_told(
    urls: tuple[str, str], there: Registry, tmp_path: Path
) -> None:
    there.publish("signs", tiny_bytes(), actor="bob")
    _run(urls[0], "pull", "signs", "--out", str(tmp_path / "signs.zip"))
    assert "there already, without front/points.json, report.html" in _run(urls[1], "push", str(tmp_path / "signs.zip"))
    assert there.version_record("signs", 2).attachments == {}


def test_a_torn_file_is_refused_in_one_line(urls: tuple[str, str], there: Registry, tmp_path: Path) -> None:
    file = tmp_path / "signs.zip"
    _run(urls[0], "pull", "signs", "--out", str(file))
    file.write_bytes(file.read_bytes()[:-30])
    for path, said in ((file, "no whole file of a version"), (tmp_path / "none.zip", "cannot be read")):
        refused = _invoke(urls[1], "push", str(path))
        assert refused.exit_code == 1
        [line] = refused.stderr.splitlines()
        assert said in line
    assert there.task("signs").latest == 1


def test_what_cannot_be_pulled(urls: tuple[str, str], tmp_path: Path) -> None:
    for arguments, said in ((["signs"], "no version of signs is live"), (["signs", "9"], "404"), (["nothing"], "404")):
        refused = _invoke(urls[1], "pull", *arguments, "--out", str(tmp_path / "file.zip"))
        assert (refused.exit_code, said in refused.stderr) == (1, True)
    assert not (tmp_path / "file.zip").exists()


def test_a_pull_that_is_killed_while_it_writes(urls: tuple[str, str], tmp_path: Path) -> None:
    file = tmp_path / "out" / "signs.zip"
    command = [sys.executable, "-c", _KILLED, "registry", "pull", "signs", "--out", str(file), "--url", urls[0]]
    assert subprocess.run(command, check=False, timeout=PATIENCE_SECONDS).returncode == -signal.SIGKILL
    [left] = os.listdir(file.parent)
    assert left.startswith(TEMPORARY_PREFIX)
    _run(urls[0], "pull", "signs", "--out", str(file))
    assert VersionFile(file.read_bytes()).bundle == tiny_bytes()


def test_a_pull_that_is_cut_off_leaves_the_file_that_was_there(
    urls: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "out" / "signs.zip"
    _run(urls[0], "pull", "signs", "--out", str(file))
    before = file.read_bytes()

    def interrupted(descriptor: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("nettailor.durable.os.fsync", interrupted)
    assert _invoke(urls[0], "pull", "signs", "--out", str(file)).exit_code == 130
    assert (os.listdir(file.parent), file.read_bytes()) == ([file.name], before)
