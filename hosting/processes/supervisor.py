"""A child process that is started again whenever it ends, until it is told to stop."""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from importlib import resources

logger = logging.getLogger(__name__)

_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 30.0
_HEALTHY_SECONDS = 60.0  # having run this long, a child's next end starts the pauses anew


class Supervisor:
    """Runs `command` under the registry's guardian, which ends it when this process is gone, however it went.

    The child has a session of its own, so that Ctrl-C in the terminal reaches only us. `environment` adds to ours,
    `files` are descriptors that it has by the same numbers. `ended` is called, in a thread, with how it ended, whenever
    it did so unasked.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        name: str,
        environment: Mapping[str, str],
        files: Sequence[int] = (),
        ended: Callable[[str], None] = lambda _: None,
    ) -> None:
        guardian = str(resources.files("hosting.processes").joinpath("parent_watch.py"))
        self._command = [sys.executable, "-I", "-S", guardian, str(os.getpid()), *command]
        self._name = name
        self._environment = {**os.environ, **environment}
        self._files = tuple(files)
        self._ended = ended
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._run, name=f"supervise-{name}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def start_no_more(self) -> None:
        """Have the child be the last one, however it ends."""
        self._stopping.set()

    def ask_to_end(self) -> None:
        """Have the child end in its own time (SIGTERM); none is started after it."""
        with self._lock:
            self._stopping.set()
            process = self._process
        if process is not None:
            process.terminate()  # the guardian, which passes it on

    def wait(self) -> None:
        """Until the last child has ended that was asked to."""
        self._thread.join()

    def stop(self, *, grace_seconds: float) -> None:
        """Ask the child to end, and kill it after the grace. Returns when it is gone."""
        with self._lock:  # so that no child is started after this
            self._stopping.set()
            process = self._process
        if process is not None:
            _close(process)  # the guardian's word to stop
            try:
                process.wait(grace_seconds)
            except subprocess.TimeoutExpired:
                logger.info("the %s took longer than %.0f s to stop and is killed", self._name, grace_seconds)
            _kill_group(process)
        self._thread.join()

    def _run(self) -> None:
        pause = _FIRST_PAUSE_SECONDS
        while True:
            started = time.monotonic()
            end = self._one_life()
            if self._stopping.is_set():
                return
            self._ended(end)
            if time.monotonic() - started > _HEALTHY_SECONDS:
                pause = _FIRST_PAUSE_SECONDS
            logger.warning("the %s %s; starting it again in %.1f s", self._name, end, pause)
            self._stopping.wait(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    def _one_life(self) -> str:
        """Of a child, from its start to its end; how it ended, for the log."""
        try:
            process = self._spawn()
        except OSError as fault:  # no memory or no descriptors at the moment
            return f"cannot be started: {fault.strerror or fault}"
        if process is None:
            return "is not to be started"
        status = process.wait()
        _close(process)
        _kill_group(process)  # what a dead child left behind must not run beside its successor
        return f"ended with status {status}"

    def _spawn(self) -> "subprocess.Popen[bytes] | None":
        with self._lock:
            if self._stopping.is_set():
                return None
            self._process = subprocess.Popen(
                self._command,
                env=self._environment,
                stdin=subprocess.PIPE,
                pass_fds=self._files,
                start_new_session=True,
            )
            return self._process


def _close(process: "subprocess.Popen[bytes]") -> None:
    assert process.stdin is not None
    process.stdin.close()


def _kill_group(process: "subprocess.Popen[bytes]") -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return  # all gone
