"""`nettailor delete`, as a user types it, against a real registry over HTTP."""

import json
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner, Result

from cli.main import app
from hosting.settings.settings import Settings
from registry.errors import TaskUnknown
from registry.http.app import create_app
from registry.registry import Registry
from tests.registry.published import publish
from tests.serving import served


def _delete(url: str, *arguments: str, answer: str = "") -> Result:
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, ["delete", *arguments, "--url", url], input=answer)


def test_a_version_by_its_digest_and_then_the_task(url: str, registry: Registry) -> None:
    digest = registry.version_record("signs", 2).digest.removeprefix("sha256:")[:12]
    deleted = _delete(url, "signs", "--version", f"sha256:{digest}", "--yes", "--reason", "worse")
    assert deleted.output == "deleted version 2 of signs\n"
    assert registry.history("signs")[-1].reason == "worse"  # type: ignore[union-attr]  # a deletion has one
    whole = _delete(url, "signs", "--yes", "--json")
    assert json.loads(whole.output) == {"deleted": {"task": "signs", "version": None}}
    with pytest.raises(TaskUnknown):
        registry.task("signs")


def test_what_is_live_or_not_there_is_refused(url: str, registry: Registry) -> None:
    live = _delete(url, "signs", "--version", "1", "--yes")
    assert (live.exit_code, "is named by live" in live.stderr) == (1, True)
    assert "did you mean 'signs'?" in _delete(url, "sings", "--yes").stderr
    assert "has no version 9" in _delete(url, "signs", "--version", "9", "--yes").stderr
    assert registry.task("signs").versions == {1, 2}


def test_nothing_is_deleted_unasked(url: str, registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    silent = _delete(url, "signs")
    said = "error: this would delete signs with 2 versions, version 1 of which is live: --yes does it without asking\n"
    assert (silent.exit_code, silent.stderr) == (1, said)
    monkeypatch.setattr("cli.commands.delete._somebody_is_there", lambda: True)
    for answer, status in (("n\n", 1), ("y\n", 0)):
        asked = _delete(url, "signs", answer=answer)
        assert "Delete signs with 2 versions, version 1 of which is live? [y/N]" in asked.stderr
        assert asked.exit_code == status
    with pytest.raises(TaskUnknown):
        registry.task("signs")


def test_what_frees_room_is_done_by_a_service_that_is_not_ready_for_lack_of_it(
    registry: Registry, tmp_path: Path
) -> None:
    publish(registry, 0.9)
    with served(create_app(registry, Settings(data_dir=tmp_path, disk_reserve_bytes=1 << 60))) as url:
        assert httpx.get(f"{url}/readyz").status_code == 503
        assert _delete(url, "signs", "--version", "1", "--yes").output == "deleted version 1 of signs\n"
