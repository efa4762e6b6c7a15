"""Waiting for what another thread or process does without telling."""

import subprocess
import time
from collections.abc import Callable
from typing import Any

PATIENCE_SECONDS = 240.0  # a busy machine is late


def until(
    condition: Callable[[], Any],
    what: str = "what is waited for",
    *,
    process: "subprocess.Popen[Any] | None" = None,
    pause_seconds: float = 0.02,
) -> Any:
    """What the condition returns as soon as that is true; fails at once when the process that shall fulfil it ends."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (found := condition()):
        assert process is None or process.poll() is None, f"ended with {process.returncode}: {process.args!r}"
        assert time.monotonic() < deadline, f"not within {PATIENCE_SECONDS} s: {what}"
        time.sleep(pause_seconds)  # between looks at the condition, not instead of one
    return found
