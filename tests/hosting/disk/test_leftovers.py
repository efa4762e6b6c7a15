"""Temporary files: those of killed processes are found, those that are being written are not."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hosting.disk import leftovers
from hosting.disk.leftovers import left_behind, remove, size_of, temporaries
from nettailor.durable import TEMPORARY_PREFIX, write_durably

WRITER = """
import sys
from pathlib import Path
from nettailor.durable import write_durably

def chunks():
    yield bytes(1000)
    print("writing", flush=True)
    sys.stdin.read()
    yield b"the end"

write_durably(Path(sys.argv[1]), chunks())
"""
SOON = 5.0
DAY = 24 * 3600.0


def _now(folder: Path) -> float:
    """The time when the youngest file under the folder was last written."""
    return max(path.stat().st_mtime for path in folder.rglob("*"))


def _found(folder: Path, *, later: float) -> list[Path]:
    return [leftover.path for leftover in left_behind(temporaries(folder), now=_now(folder) + later)]


@contextlib.contextmanager
def _writing(path: Path) -> Iterator["subprocess.Popen[str]"]:
    """A process that has begun to write a file and goes on when its standard input ends."""
    command = [sys.executable, "-c", WRITER, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "writing\n"
        yield process


def test_what_a_process_writes_is_left_behind_once_it_is_killed(tmp_path: Path) -> None:
    with _writing(tmp_path / "blobs" / "ab" / "file") as process:
        assert len(list(temporaries(tmp_path))) == 1
        assert _found(tmp_path, later=100 * DAY) == []
        process.kill()
        process.wait()
    assert _found(tmp_path, later=SOON) == []
    [left] = left_behind(temporaries(tmp_path), now=_now(tmp_path) + SOON + 1)
    assert remove([left, left]) == left.size_bytes
    assert list((tmp_path / "blobs" / "ab").iterdir()) == []


def test_a_slow_writer_comes_to_its_end(tmp_path: Path) -> None:
    with _writing(tmp_path / "file") as process:
        remove(left_behind(temporaries(tmp_path), now=_now(tmp_path) + 100 * DAY))
        process.communicate()
    assert (tmp_path / "file").read_bytes() == bytes(1000) + b"the end"


def test_without_locks_only_age_tells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leftovers, "is_held", lambda _: None)
    (tmp_path / f"{TEMPORARY_PREFIX}1").write_bytes(b"half")
    assert _found(tmp_path, later=DAY) == []
    assert _found(tmp_path, later=DAY + 1) == [tmp_path / f"{TEMPORARY_PREFIX}1"]


def test_nothing_else_is_touched(tmp_path: Path) -> None:
    write_durably(tmp_path / "file", [b"whole"])
    (tmp_path / f"{TEMPORARY_PREFIX}folder").mkdir()
    (tmp_path / f"{TEMPORARY_PREFIX}link").symlink_to(tmp_path / "file")
    assert _found(tmp_path, later=DAY) == []
    gone = tmp_path / f"{TEMPORARY_PREFIX}gone"
    assert list(left_behind([gone, tmp_path / f"{TEMPORARY_PREFIX}folder"], now=DAY)) == []


def test_the_size_of_a_folder(tmp_path: Path) -> None:
    write_durably(tmp_path / "a" / "b" / "file", [bytes(10)])
    write_durably(tmp_path / "file", [bytes(5)])
    assert (size_of(tmp_path), size_of(tmp_path / "nowhere")) == (15, 0)
