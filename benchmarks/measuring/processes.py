"""Servers under measurement: each a tree of processes that this one starts, lets sleep and ends."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

_START_S = 180.0  # importing torch and building sixteen networks on a busy machine
_STOP_S = 10.0
_POLL_S = 0.1


class ServerUnusable(SystemExit):
    """A server did not come up; the end of what it printed says why."""

    def __init__(self, name: str, log: Path) -> None:
        super().__init__(f"{name} did not start:\n{log.read_text()[-2000:]}")


@dataclass(frozen=True, kw_only=True)
class Launch:
    """How a server is started. `{port}` in the command or the environment is a free port."""

    name: str
    command: Sequence[str]
    ready: str  # the path that answers 200 once it serves
    environment: Mapping[str, str]


@dataclass(frozen=True, kw_only=True, eq=False)
class Served:
    """A running server."""

    name: str
    url: str
    process: psutil.Popen

    def cpu_seconds(self) -> float:
        """Of the whole tree so far, user and system."""
        times = [member.cpu_times() for member in self._tree()]
        return float(sum(each.user + each.system for each in times))

    def sleep(self) -> None:
        """Keep every process of the tree off the processor: an idle server may still poll."""
        for member in self._tree():
            member.suspend()

    @contextmanager
    def awake(self) -> Iterator[None]:
        self._wake()
        yield
        self.sleep()

    def _wake(self) -> None:
        for member in self._tree():
            member.resume()

    def stop(self) -> None:
        members = self._tree()
        self._wake()
        if members:
            self.process.terminate()
        _, alive = psutil.wait_procs(members, timeout=_STOP_S)
        for member in alive:
            member.kill()

    def _tree(self) -> list[psutil.Process]:
        """Nothing, if it has ended by itself."""
        if self.process.poll() is not None:
            return []
        return [self.process, *self.process.children(recursive=True)]


@contextmanager
def serving(launch: Launch, folder: Path) -> Iterator[Served]:
    """The server, once it is ready. What it prints goes into `folder`. Raises `ServerUnusable`."""
    port = str(free_port())
    command = [part.replace("{port}", port) for part in launch.command]
    environment = {name: value.replace("{port}", port) for name, value in launch.environment.items()}
    log = folder / f"{launch.name}.log"
    with log.open("wb") as output:
        process = psutil.Popen(command, env=os.environ | environment, stdout=output, stderr=subprocess.STDOUT)
    served = Served(name=launch.name, url=f"http://127.0.0.1:{port}", process=process)
    try:
        if not _is_ready(served, launch.ready):
            raise ServerUnusable(launch.name, log)
        yield served
    finally:
        served.stop()


def _is_ready(served: Served, path: str) -> bool:
    deadline = time.monotonic() + _START_S
    while served.process.poll() is None and time.monotonic() < deadline:
        try:
            if httpx.get(served.url + path, timeout=_START_S).is_success:
                return True
        except httpx.TransportError:
            pass
        time.sleep(_POLL_S)  # between looks at another process, which tells nobody
    return False


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
