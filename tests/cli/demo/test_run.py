"""The demo as a user runs it, with the real recipe and the shipped backbone (minutes)."""

import json
import os
import subprocess
import sys

import pytest


@pytest.mark.nightly
def test_the_demo_ends_by_itself_with_its_figures() -> None:
    command = [sys.executable, "-m", "cli", "demo", "--json"]
    # Without what fixtures of tests before it may have set: theirs is a backbone of random weights.
    own = {name: value for name, value in os.environ.items() if not name.startswith("NETTAILOR_")}
    done = subprocess.run(command, capture_output=True, text=True, timeout=1800, check=False, env=own)
    assert done.returncode == 0, done.stderr[-2000:]
    result = json.loads(done.stdout.splitlines()[-1])["demo"]
    assert [task["task"] for task in result["tasks"]] == ["digits", "signs"]
    for task in result["tasks"]:
        assert task["student_accuracy"] > 0.9
        assert task["teacher_accuracy"] > 0.9
        assert 0 < task["params_removed"] < 1
        assert task["bundle_bytes"] < task["full_model_bytes"]
    assert result["switch_ms_p50"] > 0
