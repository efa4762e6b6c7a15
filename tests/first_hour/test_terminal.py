"""The terminal that the first hour is seen in."""

import os
import shutil
from pathlib import Path

import pytest

from tests.first_hour.terminal import Terminal


@pytest.fixture
def tmux() -> None:
    if shutil.which("tmux") is None:
        pytest.skip("tmux is not here (Debian: apt-get install tmux)")


@pytest.mark.usefixtures("tmux")
def test_it_has_80_columns_and_tells_status_and_output(tmp_path: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "TERM": "xterm-256color", "LANG": "C.UTF-8"}
    with Terminal(f"test-{os.getpid()}", tmp_path, environment) as terminal:
        status, shown = terminal.run("tput cols; test -t 1; false", patience_s=30)
        assert (status, shown.split()) == (1, ["80"])
        assert terminal.broken_lines() == []
        terminal.run("printf '%081d' 0", patience_s=30)
        assert len(terminal.broken_lines()) == 1
