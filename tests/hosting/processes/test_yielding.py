"""Niceness as the kernel has it, of processes and of their sessions."""

import subprocess
import sys
from pathlib import Path

import pytest

from hosting.processes import yielding

_YIELDS = "import os; from hosting.processes.yielding import yield_processor; yield_processor(7); print(os.nice(0))"
_TELLS = "; print(open('/proc/self/autogroup').read().strip())"
_OF_SESSIONS = pytest.mark.skipif(not Path("/proc/self/autogroup").exists(), reason="a kernel without autogroups")


def _printed(program: str, *, leads: bool) -> list[str]:
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True, start_new_session=leads)
    return done.stdout.splitlines()


@pytest.mark.parametrize("leads", [False, True])
def test_a_process_is_nicer(leads: bool) -> None:
    assert int(_printed(_YIELDS, leads=leads)[0]) >= 7


@_OF_SESSIONS
def test_a_session_of_its_own_is_nicer_to_others() -> None:
    niceness, group = _printed(_YIELDS + _TELLS, leads=True)
    assert group.endswith(f" nice {niceness}")


@_OF_SESSIONS
def test_the_session_of_somebody_else_is_left_alone() -> None:
    group = Path("/proc/self/autogroup").read_text().strip()
    assert _printed(_YIELDS + _TELLS, leads=False)[1] == group


class _BusyGroup:
    """A file that takes what is written at the third attempt."""

    def __init__(self) -> None:
        self.attempts: list[str] = []

    def write_text(self, text: str) -> None:
        self.attempts.append(text)
        if len(self.attempts) < 3:
            raise BlockingIOError


def test_a_kernel_that_is_busy_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    group = _BusyGroup()
    monkeypatch.setattr(yielding, "_GROUP", group)
    monkeypatch.setattr(yielding, "_AGAIN_SECONDS", 0.0)
    yielding._lower_group(7)
    assert group.attempts == ["7", "7", "7"]
