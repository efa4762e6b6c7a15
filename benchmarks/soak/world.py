"""The service under test: started, killed, started again; and what everybody counts."""

import json
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import psutil

from cli.service.local_service import LocalService
from nettailor_client import IMPATIENT, Client

_GRACE_S = 2.0  # a connection that was cut is noticed a moment after the service is back


class World:
    """`alive` is cleared while the service is down; what fails then is the kill's."""

    def __init__(self, folder: Path) -> None:
        self.counts: Counter[str] = Counter()
        self.faults: list[str] = []  # the first few, in words
        self.stopping = threading.Event()
        self.samples: dict[int, list[tuple[float, int]]] = {}  # by start of the service: (seconds, bytes)
        self._folder, self._lock = folder, threading.Lock()
        self._downs: list[tuple[float, float]] = []
        self._starts = 0
        self._service = LocalService(folder)
        self.url = self._service.start()
        self._main = self._process()

    def count(self, what: str, number: int = 1) -> None:
        with self._lock:
            self.counts[what] += number

    def fault(self, what: str, detail: str) -> None:
        self.count(what)
        with self._lock:
            if len(self.faults) < 20:
                self.faults.append(f"{what}: {detail}")

    def client(self) -> Client:
        """A client of the service as it runs now; after a kill it is at another URL."""
        # A connection a request: one kept alive may be closed by the server just as it is used again.
        limits = httpx.Limits(max_keepalive_connections=0)
        return Client(self.url, patience=IMPATIENT, http=httpx.Client(trust_env=False, limits=limits))

    def clients(self) -> Iterator[Client]:
        """A client for every next request, until the run stops: the same one as long as the service lives."""
        while not self.stopping.is_set():
            with self.client() as client:
                while client.url == self.url and not self.stopping.is_set():
                    yield client

    def was_down(self, start: float, end: float) -> bool:
        """Whether the service was dead or starting at any moment of a request (monotonic seconds)."""
        with self._lock:
            return any(down <= end and start <= up + _GRACE_S for down, up in self._downs)

    def kill(self) -> None:
        """kill -9 of the service's main process, whatever it does; it is back when this returns."""
        self.note_evictions()
        with self._lock:
            self._downs.append((time.monotonic(), float("inf")))
        os.kill(self._main.pid, signal.SIGKILL)
        self._service.stop()
        self.start_again()
        with self._lock:
            self._downs[-1] = (self._downs[-1][0], time.monotonic())
        self.count("kills")

    def start_again(self) -> None:
        """After it was stopped or killed."""
        self._service = LocalService(self._folder)
        self.url = self._service.start()
        self._starts += 1
        self._main = self._process()

    def kill_worker(self) -> None:
        """kill -9 of a training worker, which is started again."""
        for child in self._main.children(recursive=True):
            with suppress(psutil.NoSuchProcess):  # one that ended as we looked
                if "trainer.worker" in child.cmdline():
                    child.kill()
                    self.count("worker_kills")
                    return

    def sample_memory(self, second: float) -> None:
        self.samples.setdefault(self._starts, []).append((second, self._main.memory_info().rss))

    def note_evictions(self) -> None:
        text = httpx.get(f"{self.url}/metrics", timeout=60, trust_env=False).text
        for line in text.splitlines():
            if line.startswith("nettailor_evictions_total{"):
                self.count("evictions", round(float(line.rpartition(" ")[2])))

    def stop(self) -> None:
        self._service.stop()

    def _process(self) -> psutil.Process:
        return psutil.Process(json.loads((self._folder / "up.json").read_text())["pid"])
