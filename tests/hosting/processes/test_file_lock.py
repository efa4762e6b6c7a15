import threading
from pathlib import Path

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
