"""What the crash test kills: Redis, the registry's HTTP process and a publisher over one folder, and how each comes
back: started again the way it was started first, and nothing else done by hand."""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

import redis

from benchmarks.crash.operations import Operation, Outcome, by_http, operation_json, parse_outcome
from benchmarks.crash.publisher import READY
from benchmarks.measuring.processes import Launch, Served, serving
from hosting.redis_server.embedded import EmbeddedRedis
from nettailor_client import IMPATIENT, Client
from registry.registry import Registry
from registry.storage.blobs import Blobs
from registry.wiring import connect

Victim = Literal["publisher", "registry", "redis"]
VICTIMS: tuple[Victim, ...] = ("publisher", "registry", "redis")

_ROOT = str(Path(__file__).parents[2])
_PATH = os.pathsep.join(part for part in (_ROOT, os.environ.get("PYTHONPATH")) if part)


class Broken(SystemExit):
    """Something ended that nobody killed, or did not come back."""

    def __init__(self, what: str) -> None:
        super().__init__(f"the {what} ended by itself, or does not start")


class World:
    """A context manager. `folder` has a short path: Redis's socket lies within it."""

    def __init__(self, folder: Path) -> None:
        self.blobs_url = str(folder / "blobs")
        self._folder = folder
        self._stack = contextlib.ExitStack()
        self._redis = EmbeddedRedis(folder / "redis")

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            self._redis.start()
            stack.callback(self._redis.stop)
            self.client = stack.enter_context(contextlib.closing(connect(self._redis.url)))
            self.registry = Registry(Blobs(self.blobs_url), self.client)
            self._service = _Service(self._folder, self._redis.url, self.blobs_url)
            stack.callback(self._service.stop)
            self._publisher = _Publisher(self.blobs_url, self._redis.url)
            stack.callback(self._publisher.stop)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stack.close()

    def over_http(self, operation: Operation) -> Outcome:
        return by_http(self._service.client, operation)

    def by_publisher(self, operation: Operation) -> Outcome | None:
        """None if the publisher was killed before it answered."""
        return self._publisher.ask(operation)

    def kill(self, victim: Victim) -> None:
        """Raises `Broken`."""
        match victim:
            case "publisher":
                self._publisher.kill()
            case "registry":
                self._service.kill()
            case "redis":
                self._kill_redis()

    def revive(self, victim: Victim) -> None:
        """Raises `Broken`."""
        match victim:
            case "publisher":
                self._publisher.stop()
                self._publisher.start()
            case "registry":
                self._service.stop()
                self._service.start()
            case "redis":
                self._redis.stop()  # its guardian may still be on its way out
                self._redis.start()

    def _kill_redis(self) -> None:
        try:
            process = int(self.client.info("server")["process_id"])
        except redis.ConnectionError as error:
            raise Broken("Redis") from error
        os.kill(process, signal.SIGKILL)


class _Service:
    """`python -m registry`."""

    def __init__(self, folder: Path, redis_url: str, blobs_url: str) -> None:
        self._folder = folder
        self._launch = Launch(
            name="registry",
            command=[sys.executable, "-m", "registry"],
            ready="/readyz",
            environment={
                "PYTHONPATH": _PATH,
                "NETTAILOR_DATA_DIR": str(folder),
                "NETTAILOR_REDIS_URL": redis_url,
                "NETTAILOR_BLOBS_URL": blobs_url,
                "NETTAILOR_LOG_LEVEL": "warning",
                "NETTAILOR_PORT": "{port}",
            },
        )
        self.start()

    def start(self) -> None:
        with contextlib.ExitStack() as stack:
            self._served: Served = stack.enter_context(serving(self._launch, self._folder))
            self.client = stack.enter_context(Client(self._served.url, actor="http", patience=IMPATIENT))
            self._stack = stack.pop_all()

    def kill(self) -> None:
        if self._served.process.poll() is not None:
            raise Broken("registry")
        self._served.process.kill()
        self._served.process.wait()

    def stop(self) -> None:
        self._stack.close()


class _Publisher:
    def __init__(self, blobs_url: str, redis_url: str) -> None:
        self._command = [sys.executable, "-m", "benchmarks.crash.publisher", blobs_url, redis_url]
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": _PATH},
        )
        if self._answer() != f"{READY}\n":
            self.stop()
            raise Broken("publisher")

    def ask(self, operation: Operation) -> Outcome | None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(operation_json(operation) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            return None
        line = self._answer()
        return parse_outcome(line) if line.endswith("\n") else None

    def kill(self) -> None:
        if self._process.poll() is not None:
            raise Broken("publisher")
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            with contextlib.suppress(BrokenPipeError):
                pipe.close()
        self._process.wait()

    def _answer(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()
