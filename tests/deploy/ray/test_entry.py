"""`python -m deploy.ray`, as far as to what its settings lack: nothing of Ray is started by then."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.processes.environment import without_settings
from tests.waiting import PATIENCE_SECONDS


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({}, "error: NETTAILOR_REDIS_URL is not set"),
        ({"NETTAILOR_DEVICE": "abacus"}, "error: NETTAILOR_DEVICE: Input should be 'auto', 'cpu' or 'cuda'"),
    ],
)
def test_settings_that_cannot_be_are_one_line(tmp_path: Path, settings: dict[str, str], told: str) -> None:
    environment = without_settings() | settings
    command = [sys.executable, "-m", "deploy.ray"]
    ended = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=PATIENCE_SECONDS
    )
    assert ended.returncode == 1
    assert ended.stderr.startswith(told)
    assert ended.stderr.count("\n") == 1
