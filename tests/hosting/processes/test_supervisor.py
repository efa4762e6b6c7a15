import errno
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hosting.processes.supervisor import Supervisor
from tests.processes.liveness import is_running
from tests.waiting import until

# Notes its process id in a file of its own, then lives until it is told to stop.
_CHILD = "import os,sys,pathlib,time; pathlib.Path(sys.argv[1], str(os.getpid())).touch(); time.sleep(600)"
_STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + _CHILD


def _pids(folder: Path) -> set[int]:
    return {int(path.name) for path in folder.iterdir()}


def _supervised(folder: Path, code: str = _CHILD) -> Supervisor:
    return Supervisor([sys.executable, "-c", code, str(folder)], name="child", environment={})


def test_a_killed_child_is_started_again_and_stop_ends_it(tmp_path: Path) -> None:
    child = _supervised(tmp_path)
    child.start()
    until(lambda: len(_pids(tmp_path)) == 1)
    (first,) = _pids(tmp_path)
    os.kill(first, 9)
    until(lambda: len(_pids(tmp_path)) == 2)
    (second,) = _pids(tmp_path) - {first}
    child.stop(grace_seconds=10)
    assert not is_running(second)
    assert len(_pids(tmp_path)) == 2


def test_a_child_that_is_to_be_the_last_has_no_successor(tmp_path: Path) -> None:
    child = _supervised(tmp_path)
    child.start()
    until(lambda: len(_pids(tmp_path)) == 1)
    child.start_no_more()
    (last,) = _pids(tmp_path)
    assert is_running(last)
    os.kill(last, 9)
    child.wait()
    assert len(_pids(tmp_path)) == 1


def test_a_child_that_cannot_be_started_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    begin, failures = subprocess.Popen, iter([OSError(errno.EMFILE, os.strerror(errno.EMFILE))])

    def hesitant(*given: Any, **options: Any) -> Any:
        for failure in failures:
            raise failure
        return begin(*given, **options)

    monkeypatch.setattr(subprocess, "Popen", hesitant)
    child = _supervised(tmp_path)
    child.start()
    until(lambda: len(_pids(tmp_path)) == 1)
    child.stop(grace_seconds=10)
    assert "the child cannot be started: Too many open files; starting it again in 0.5 s" in caplog.messages


def test_a_child_that_does_not_stop_is_killed_after_the_grace(tmp_path: Path) -> None:
    child = _supervised(tmp_path, _STUBBORN)
    child.start()
    until(lambda: len(_pids(tmp_path)) == 1)
    child.stop(grace_seconds=0.2)
    (pid,) = _pids(tmp_path)
    until(lambda: not is_running(pid))


def test_the_environment_reaches_the_child(tmp_path: Path) -> None:
    code = "import os,pathlib; pathlib.Path(os.environ['NOTE'], 'written').touch()"
    child = Supervisor([sys.executable, "-c", code], name="child", environment={"NOTE": str(tmp_path)})
    child.start()
    until((tmp_path / "written").exists)
    child.stop(grace_seconds=10)
