import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from hosting.processes.supervisor import Supervisor

_WAIT_SECONDS = 20.0
# Notes its process id in a file of its own, then lives until it is told to stop.
_CHILD = "import os,sys,pathlib,time; pathlib.Path(sys.argv[1], str(os.getpid())).touch(); time.sleep(600)"
_STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + _CHILD


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _WAIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "the condition never came true"
        time.sleep(0.01)


def _pids(folder: Path) -> set[int]:
    return {int(path.name) for path in folder.iterdir()}


def _alive(pid: int) -> bool:
    return psutil.pid_exists(pid) and bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)


def _supervised(folder: Path, code: str = _CHILD) -> Supervisor:
    return Supervisor([sys.executable, "-c", code, str(folder)], name="child", environment={})


def test_a_killed_child_is_started_again_and_stop_ends_it(tmp_path: Path) -> None:
    child = _supervised(tmp_path)
    child.start()
    _until(lambda: len(_pids(tmp_path)) == 1)
    (first,) = _pids(tmp_path)
    os.kill(first, 9)
    _until(lambda: len(_pids(tmp_path)) == 2)
    (second,) = _pids(tmp_path) - {first}
    child.stop(grace_seconds=10)
    assert not _alive(second)
    assert len(_pids(tmp_path)) == 2


def test_a_child_that_does_not_stop_is_killed_after_the_grace(tmp_path: Path) -> None:
    child = _supervised(tmp_path, _STUBBORN)
    child.start()
    _until(lambda: len(_pids(tmp_path)) == 1)
    child.stop(grace_seconds=0.2)
    (pid,) = _pids(tmp_path)
    _until(lambda: not _alive(pid))


def test_the_environment_reaches_the_child(tmp_path: Path) -> None:
    code = "import os,pathlib; pathlib.Path(os.environ['NOTE'], 'written').touch()"
    child = Supervisor([sys.executable, "-c", code], name="child", environment={"NOTE": str(tmp_path)})
    child.start()
    _until((tmp_path / "written").exists)
    child.stop(grace_seconds=10)
