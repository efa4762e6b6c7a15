"""`nettailor doctor` on stores that are none: no bucket, one process only, away; and on a check that has no end."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.doctor import run
from cli.doctor.finding import Finding, ok
from cli.doctor.records import records
from cli.doctor.state import Index, blobs
from hosting.settings.settings import Settings
from tests.registry.storage.faulty import URL, FaultyFileSystem, LibraryError, faulty_store


@pytest.fixture
def faulty() -> Iterator[type[FaultyFileSystem]]:
    with faulty_store() as faulty:
        yield faulty


def _blobs(url: str) -> Finding:
    [found] = blobs(Settings(blobs_url=url), Index())
    return found


def test_a_sound_store_is_ok(faulty: type[FaultyFileSystem]) -> None:
    assert _blobs(URL).state == "ok"


def test_a_missing_bucket_is_no_empty_store(faulty: type[FaultyFileSystem]) -> None:
    faulty.has_bucket = False
    found = _blobs(URL)
    assert (found.state, "there is no bucket 'bucket'" in found.found) == ("fail", True)


def test_a_store_that_is_away_is_told_once(faulty: type[FaultyFileSystem]) -> None:
    faulty.fault = LibraryError("no route")
    found = _blobs(URL)
    assert (found.state, "LibraryError: no route" in found.found) == ("fail", True)
    [told] = run._guarded("records", lambda: records(Settings(blobs_url=URL)))
    assert (told.state, told.advice) == ("warn", "see what is said of the blobs")


@pytest.mark.parametrize(
    ("url", "reason"), [("memory://here", "is kept by one process"), ("nosuch://x", "Protocol not known")]
)
def test_what_can_be_no_store(url: str, reason: str) -> None:
    found = _blobs(url)
    assert (found.state, reason in found.found) == ("fail", True)


def test_a_check_without_an_end_is_left_behind(tmp_path: Path) -> None:
    asked = threading.Event()

    def look() -> Iterator[Finding]:
        yield ok("redis", "there")
        asked.wait()
        yield ok("redis", "too late")

    found = list(run._guarded("redis", look, seconds=0.05))
    asked.set()
    assert [each.state for each in found] == ["ok", "fail"]
    assert found[-1].found == "no end after 0.05 s"
