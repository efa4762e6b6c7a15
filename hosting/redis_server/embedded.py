"""A private, real Redis server under a folder, for when `NETTAILOR_REDIS_URL` names none."""

import contextlib
import fcntl
import logging
import os
import subprocess
import sys
import tempfile
import threading
import time
from importlib import resources
from pathlib import Path
from urllib.parse import quote

import redis

from hosting.errors import EmbeddedRedisFailed
from hosting.redis_server.executable import find_executable
from nettailor.durable import make_folder_durably

logger = logging.getLogger(__name__)

START_SECONDS = 60.0  # loading a large append-only file takes a while
STOP_SECONDS = 30.0
_POLL_SECONDS = 0.01
_SOCKET_PATH_BYTES = 100  # unix sockets take about 107
_TOLD_TO_STOP = "it was told to stop"
LOG = "redis.log"  # in its folder; what the server says


class EmbeddedRedis:
    """A context manager. The server keeps its append-only file (fsync at every write) in the folder, listens on a unix
    socket that only this user can open, and ends with this process, even if that is killed.

    One server a folder: a second one waits for the first to go; `joined` finds the first. Raises `EmbeddedRedisFailed`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self._process: subprocess.Popen[bytes] | None = None
        self._cleanup = contextlib.ExitStack()
        self._socket = self.folder / "redis.sock"
        self._spawning = threading.Lock()
        self._stopped = False

    @property
    def url(self) -> str:
        return _url(self._socket)

    def __enter__(self) -> "EmbeddedRedis":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start the server and wait until it answers. Raises `EmbeddedRedisFailed`."""
        self._stopped = False
        try:
            make_folder_durably(self.folder)
            if len(os.fsencode(self._socket)) > _SOCKET_PATH_BYTES:
                short = self._cleanup.enter_context(tempfile.TemporaryDirectory(prefix="nettailor-"))
                self._socket = Path(short) / "redis.sock"
            self.start_again()
        except OSError as fault:  # a folder that this user may not write into, for one
            self.stop()
            raise EmbeddedRedisFailed(str(self.folder), fault.strerror or str(fault)) from fault
        except BaseException:
            self.stop()
            raise

    def start_again(self) -> None:
        """After the server ended by itself: start it at the same socket, over the same data; wait until it answers."""
        executable = find_executable(self.folder)
        deadline = time.monotonic() + START_SECONDS
        process = self._spawn(executable, self._lock(deadline))
        try:
            self._wait_until_ready(process, deadline)
        except BaseException:
            _end(process)
            raise
        logger.info("embedded Redis ready at %s", self.url)

    def wait(self) -> int:
        """The exit status of the server (of its guardian, which repeats it), once it has ended; 0 if it was stopped."""
        process = self._process
        if process is None:
            return 0
        status = process.wait()
        _end(process)  # closes what is left of it
        return status

    def stop(self) -> None:
        """End the server; what was acknowledged is on disk already."""
        with self._spawning:  # so that none is started after this
            self._stopped = True
            process, self._process = self._process, None
        if process is not None:
            _end(process)
        self._cleanup.close()

    def _spawn(self, executable: str, lock: int) -> "subprocess.Popen[bytes]":
        command = [executable, *_options(self.folder, self._socket)]
        guardian = str(resources.files("hosting.processes").joinpath("parent_watch.py"))
        try:
            with self._spawning:
                if self._stopped:
                    raise EmbeddedRedisFailed(str(self.folder), _TOLD_TO_STOP)
                self._drop_left()
                self._leave_word()
                self._process = subprocess.Popen(
                    [sys.executable, "-I", "-S", guardian, str(os.getpid()), *command],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    pass_fds=[lock],  # held by the server itself, so the folder is free when the server is gone
                    start_new_session=True,  # Ctrl-C stops us first, then we stop it
                )
                return self._process
        finally:
            os.close(lock)

    def _drop_left(self) -> None:
        """Delete what an earlier server, killed, was rewriting; the lock says that none is there now."""
        for path in (*self.folder.glob("temp-*"), *(self.folder / "appendonlydir").glob("temp-*")):
            path.unlink(missing_ok=True)

    def _leave_word(self) -> None:
        """Let `joined` find a socket that is elsewhere, because the folder's path is too long for one."""
        usual = self.folder / "redis.sock"
        if self._socket != usual:
            usual.unlink(missing_ok=True)
            usual.symlink_to(self._socket)

    def _wait_until_ready(self, process: "subprocess.Popen[bytes]", deadline: float) -> None:
        reason = "no answer"
        with contextlib.closing(redis.Redis.from_url(self.url, retry=None)) as client:
            while time.monotonic() < deadline:
                if process.poll() is not None:
                    raise EmbeddedRedisFailed(str(self.folder), f"it ended; see {self.folder / LOG}")
                try:
                    client.ping()
                    return
                except redis.ConnectionError as error:  # still loading counts as well
                    reason = str(error)
                time.sleep(_POLL_SECONDS)
        raise EmbeddedRedisFailed(str(self.folder), f"not ready after {START_SECONDS:.0f} seconds: {reason}")

    def _lock(self, deadline: float) -> int:
        """An open file that locks the folder for as long as any process holds it open."""
        descriptor = os.open(self.folder / "redis.lock", os.O_RDWR | os.O_CREAT, 0o600)
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return descriptor
            except BlockingIOError:
                if self._stopped or time.monotonic() > deadline:
                    os.close(descriptor)
                    reason = _TOLD_TO_STOP if self._stopped else "another server is using this folder"
                    raise EmbeddedRedisFailed(str(self.folder), reason) from None
            time.sleep(_POLL_SECONDS)


def _end(process: "subprocess.Popen[bytes]") -> None:
    assert process.stdin is not None
    process.stdin.close()
    try:
        process.wait(timeout=STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()  # the server then gets its death signal
        process.wait()


def joined(folder: Path) -> str | None:
    """The URL of the server that uses a folder now, as soon as it answers; None if none does.

    It ends when whoever started it wants. Raises `EmbeddedRedisFailed` if it stays silent.
    """
    folder = folder.absolute()
    deadline = time.monotonic() + START_SECONDS
    while _is_locked(folder):
        url = url_of(folder)
        with contextlib.closing(redis.Redis.from_url(url, retry=None)) as client:
            try:
                client.ping()
                return url
            except redis.ConnectionError:  # it is only just starting, or ending
                if time.monotonic() > deadline:
                    raise EmbeddedRedisFailed(str(folder), "another server is using this folder, silently") from None
        time.sleep(_POLL_SECONDS)  # between looks at another process, which tells nobody
    return None


def url_of(folder: Path) -> str:
    """Where the server that uses a folder listens, if one does."""
    socket = folder.absolute() / "redis.sock"
    return _url(socket.readlink() if socket.is_symlink() else socket)


def _url(socket: Path) -> str:
    return f"unix://{quote(str(socket))}?db=0"


def _is_locked(folder: Path) -> bool:
    try:
        descriptor = os.open(folder / "redis.lock", os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _options(folder: Path, socket: Path) -> list[str]:
    options = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "dir": str(folder),
        "logfile": str(folder / LOG),
        "appendonly": "yes",
        "appendfsync": "always",
        "save": "",
        "daemonize": "no",
        "maxmemory-policy": "noeviction",
    }
    return [part for name, value in options.items() for part in (f"--{name}", value)]
