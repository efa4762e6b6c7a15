"""Waiting for what another thread or process does without telling."""

import subprocess
import time
from collections.abc import Callable
from typing import Any

PATIENCE_SECONDS = 240.0  # a busy machine is late
_SHARE = 0.05  # of the time waited so far, and this at most: who looks all the time slows down what is waited for
_LONGEST_PAUSE_SECONDS = 0.1


def until(
    condition: Callable[[], Any],
    what: str = "what is waited for",
    *,
    process: "subprocess.Popen[Any] | None" = None,
    pause_seconds: float = 0.02,
) -> Any:
    """What the condition returns as soon as that is true; fails at once when the process that shall fulfil it ends.
    Between two looks lie `pause_seconds` at least."""
    began = time.monotonic()
    while not (found := condition()):
        waited = time.monotonic() - began
        assert process is None or process.poll() is None, f"ended with {process.returncode}: {process.args!r}"
        assert waited < PATIENCE_SECONDS, f"not within {PATIENCE_SECONDS} s: {what}"
        # between looks at the condition, not instead of one
        time.sleep(max(pause_seconds, min(_SHARE * waited, _LONGEST_PAUSE_SECONDS)))
    return found
