"""A `nettailor up` of one's own, as a subprocess for the duration of a command."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from cli.errors import CannotWrite, ServiceStartFailed
from hosting.processes.file_lock import is_held
from hosting.processes.private_files import open_privately
from nettailor_client import Client

START_SECONDS = 120.0  # a cold disk imports torch slowly
STOP_SECONDS = 20.0
_POLL_SECONDS = 0.05
LOCK_FILE = "up.lock"
_STATE_FILE = "up.json"


@contextmanager
def local_service(data_dir: Path) -> Iterator[str]:
    """The URL of a service with its state in the folder: the one already running there, else one started now and
    stopped at the end. Raises `ServiceStartFailed`, `CannotWrite`.
    """
    url = running_url(data_dir)
    if url is not None:
        yield url
        return
    service = LocalService(data_dir)
    try:
        yield service.start()
    finally:
        service.stop()


class LocalService:
    """Starts and stops `nettailor up --port 0`; its output goes to `up.log` in the data folder. `defaults` are
    environment variables for what the caller's environment does not say."""

    def __init__(self, data_dir: Path, *, defaults: Mapping[str, str] | None = None) -> None:
        self._data_dir = data_dir
        self._defaults = defaults or {}
        self._log = data_dir / "up.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> str:
        """The URL, once the service is ready. Raises `ServiceStartFailed`, `CannotWrite`."""
        try:
            self._data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            log = open_privately(str(self._log), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        except OSError as error:
            raise CannotWrite(self._data_dir, error) from error
        command = [sys.executable, "-m", "cli", "up", "--data-dir", str(self._data_dir), "--port", "0"]
        try:
            self._process = subprocess.Popen(
                [*command, "--lifeline"],
                env={**self._defaults, **os.environ},
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C in the terminal reaches only us; stop() then stops it
            )
        finally:
            os.close(log)
        url = self._wait_until_ready(self._process)
        if url is None:
            status = self._process.poll()
            self.stop()
            raise ServiceStartFailed(self._log, status)
        return url

    def _wait_until_ready(self, process: "subprocess.Popen[bytes]") -> str | None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and process.poll() is None:
            url = running_url(self._data_dir, pid=process.pid)
            if url is not None:
                return url
            time.sleep(_POLL_SECONDS)  # another process's start: nothing to wait on but its file
        return None

    def wait(self) -> None:
        """Until it ends by itself."""
        if self._process is not None:
            self._process.wait()

    def stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()  # its children die with it
            process.wait()
        assert process.stdin is not None
        process.stdin.close()


def write_state(data_dir: Path, url: str) -> None:
    """Note in the data folder where this process serves it."""
    path = data_dir / _STATE_FILE
    scratch = path.with_suffix(".tmp")
    scratch.write_text(json.dumps({"url": url, "pid": os.getpid()}))
    scratch.replace(path)


def remove_state(data_dir: Path) -> None:
    (data_dir / _STATE_FILE).unlink(missing_ok=True)


def running_url(data_dir: Path, *, pid: int | None = None) -> str | None:
    """The URL of the service on this data folder, if there is one. It was ready once, and may be without its Redis for
    a moment; with `pid`, only if it is that process and ready.

    What a service that was killed has left says nothing: its port may be somebody else's by now. One that runs holds
    the folder's lock.
    """
    if not is_held(data_dir / LOCK_FILE):
        return None
    try:
        state = json.loads((data_dir / _STATE_FILE).read_text())
    except (FileNotFoundError, PermissionError, json.JSONDecodeError):  # another user's is none that we may use
        return None
    if pid is not None and state["pid"] != pid:
        return None
    with Client(state["url"]) as client:
        is_there = client.is_alive() if pid is None else client.is_ready()
    return str(state["url"]) if is_there else None
