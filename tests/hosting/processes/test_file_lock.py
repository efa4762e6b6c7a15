import threading
from pathlib import Path

import pytest

from hosting.processes import file_lock
from hosting.processes.file_lock import FileLock, is_dead


def test_a_lock_is_dead_once_nobody_holds_it(tmp_path: Path) -> None:
    path = tmp_path / "workers" / "a.lock"
    assert not is_dead(path)  # never seen here
    with FileLock(path) as lease, FileLock(path) as other:
        assert lease.acquire()
        assert not is_dead(path)
        assert not other.acquire()
        threading.Timer(0.1, lease.release).start()
        assert other.acquire(patience_seconds=10)
    assert is_dead(path)


def test_a_file_that_was_removed_meanwhile_is_no_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its holder removes it when it ends, as workers do, while another process has opened it already."""
    path = tmp_path / "a.lock"
    lock = file_lock._lock

    def remove_first(descriptor: int) -> bool:
        path.unlink()
        monkeypatch.undo()
        return lock(descriptor)

    monkeypatch.setattr(file_lock, "_lock", remove_first)
    with FileLock(path) as first, FileLock(path) as second:
        assert first.acquire()
        assert not second.acquire()
