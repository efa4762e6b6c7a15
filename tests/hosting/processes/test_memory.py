"""A watch over a real child, and cgroups as files."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hosting.processes.memory import MemoryWatch, available_bytes, private_bytes
from tests.waiting import until

MIB = 1 << 20
# Says that it is up, takes as much as it is told, says so, and ends when its input does.
CHILD = """
import sys
print("up", flush=True)
held = b"x" * int(sys.stdin.readline())
print("held", flush=True)
sys.stdin.read()
"""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="there is no /proc to read")


def child() -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    return process


def take(process: subprocess.Popen[str], size_bytes: int) -> None:
    assert process.stdin is not None
    process.stdin.write(f"{size_bytes}\n")
    process.stdin.flush()


def test_a_process_that_takes_more_than_it_may_is_killed() -> None:
    with child() as process, MemoryWatch(process.pid, private_bytes(process.pid) + 32 * MIB) as watch:
        take(process, 96 * MIB)
        assert process.wait(30) == -signal.SIGKILL
        assert watch.exceeded


def test_a_process_that_takes_less_is_left_alone_and_what_it_takes_is_known() -> None:
    with child() as process:
        before = private_bytes(process.pid)
        assert 0 < before < 64 * MIB
        with MemoryWatch(process.pid, before + 64 * MIB) as watch:
            take(process, 32 * MIB)
            assert process.stdout is not None
            assert process.stdout.readline() == "held\n"
            assert 32 * MIB <= private_bytes(process.pid) - before < 40 * MIB
            process.communicate()
            assert process.returncode == 0
        assert not watch.exceeded
    assert private_bytes(process.pid) == 0
    until(lambda: not watch.is_watching, "the watch has ended")


def test_what_is_gone_is_not_watched() -> None:
    process = child()
    process.communicate("0\n")
    with MemoryWatch(process.pid, 0) as watch:
        assert not watch.is_watching
    assert not watch.exceeded


def test_the_least_of_machine_and_cgroups_is_there(tmp_path: Path) -> None:
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    of_the_process, cgroups = tmp_path / "cgroup", tmp_path / "cgroups"
    assert available_bytes(of_the_process, cgroups) == machine
    of_the_process.write_text("0::/jobs/one\n")
    (cgroups / "jobs/one").mkdir(parents=True)
    assert available_bytes(of_the_process, cgroups) == machine
    (cgroups / "jobs/one/memory.max").write_text("max\n")
    (cgroups / "jobs/memory.max").write_text("4096\n")
    assert available_bytes(of_the_process, cgroups) == 4096
    (cgroups / "memory/box").mkdir(parents=True)
    (cgroups / "memory/memory.limit_in_bytes").write_text("9223372036854771712\n")
    (cgroups / "memory/box/memory.limit_in_bytes").write_text("8192\n")
    of_the_process.write_text("9:name=systemd:/\n4:cpu,memory:/box\n0::/\n")
    assert available_bytes(of_the_process, cgroups) == 8192
