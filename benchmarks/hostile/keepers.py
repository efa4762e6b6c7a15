"""Honest users of the same service: they notice whether it still answers, answers right, and keeps what it took."""

import random
import socket
import time
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from benchmarks.hostile.world import BesiegedWorld
from benchmarks.soak.clients import Checker
from benchmarks.workloads.mini26 import random_bundle, smallest_plan
from nettailor.bundle.bundle import digest_of
from nettailor_client import Client
from nettailor_client.errors import RequestRefused, ServiceUnreachable

KEPT = ("kept0", "kept1", "kept2")
PREY = ("prey0", "prey1", "prey2", "prey3")
_PULSE_S, _PUBLISH_S, _TEND_S = 0.05, 3.0, 0.5
_OPEN_JOBS = 4  # of the attackers' tasks; more are cancelled, or training would outlast the attack
_HALF_SENT = 64


@dataclass(kw_only=True)
class Keepers:
    """What honest users were told, and how it went for them."""

    world: BesiegedWorld
    checker: Checker
    fingerprint: str
    kept: dict[tuple[str, int], str] = field(default_factory=dict)  # acknowledged: (task, version) -> digest
    jobs: list[str] = field(default_factory=list)  # acknowledged
    slowest_pulse_ms: float = 0.0

    def publish_first(self) -> None:
        """The tasks of everybody, live."""
        with self.world.client() as client:
            for seed, name in enumerate((*KEPT, *PREY)):
                self._publish(client, name, seed)
                client.promote(name, "live", 1, reason="first")
                self.checker.live.moved(name, 1)

    def predict(self) -> None:
        self.checker.predict(list(KEPT), seed=0)

    def publish(self) -> None:
        """New versions that never go live, now and then."""
        for seed, client in enumerate(self.world.clients(), 100):
            began = time.monotonic()
            try:
                self._publish(client, random.Random(seed).choice(KEPT), seed)
            except (RequestRefused, ServiceUnreachable) as error:
                self._refused(error, began)
            self.world.stopping.wait(_PUBLISH_S)

    def feel_pulse(self) -> None:
        """`/healthz`, twenty times a second, on a connection of its own each."""
        while not self.world.stopping.wait(_PULSE_S):
            began = time.monotonic()
            try:
                httpx.get(f"{self.world.url}/healthz", timeout=60, trust_env=False)
            except httpx.TransportError:
                if not self.world.was_down(began, time.monotonic()):
                    self.world.fault("no_pulse", "healthz did not answer")
                continue
            if not self.world.was_down(began, time.monotonic()):
                self.slowest_pulse_ms = max(self.slowest_pulse_ms, 1000 * (time.monotonic() - began))

    def tend_prey(self) -> None:
        """What attackers destroyed is there again, and not more is trained for them than can be."""
        for client in self.world.clients():
            try:
                self._restock(client)
                self._cull(client)
            except (RequestRefused, ServiceUnreachable):
                pass  # told by the others
            self.world.stopping.wait(_TEND_S)

    def hold_half_sent(self) -> None:
        """Connections that never finish their request; opened again when they are closed."""
        held: list[socket.socket] = []
        while not self.world.stopping.wait(_TEND_S):
            held = [each for each in held if _is_open(each)]
            host, port = _address(self.world.url)
            try:
                while len(held) < _HALF_SENT:
                    connection = socket.create_connection((host, port), timeout=1)
                    connection.sendall(b"POST /tasks/kept0/predict HTTP/1.1\r\nHost: localhost\r\nContent-Le")
                    held.append(connection)
            except OSError:
                continue  # refused: there are enough
        for each in held:
            each.close()

    def upload(self, archive: Path, times: int) -> None:
        with self.world.client() as client:
            for seed in range(times):
                answer = client.upload("keptjob", archive, options={"preset": "fast", "max_minutes": 0.2, "seed": seed})
                self.jobs.append(answer.id)

    def lost(self) -> list[str]:
        """Of what was acknowledged."""
        found: list[str] = []
        with self.world.client() as client:
            for (task, version), digest in self.kept.items():
                try:
                    if digest_of(client.bundle(task, version)) != digest:
                        found.append(f"{task} version {version} is another one")
                except RequestRefused as error:
                    found.append(f"{task} version {version}: {error}")
            for job in self.jobs:
                try:
                    client.job(job)
                except RequestRefused as error:
                    found.append(f"job {job}: {error}")
        return found

    def _publish(self, client: Client, task: str, seed: int) -> None:
        bundle = random_bundle(task, seed, plan=smallest_plan(), fingerprint=self.fingerprint)
        version = client.publish(task, bundle).version
        self.world.count("publishes")
        if task in KEPT:
            self.kept[task, version] = digest_of(bundle)

    def _refused(self, error: RequestRefused | ServiceUnreachable, began: float) -> None:
        expected = isinstance(error, RequestRefused) and error.status in (429, 503, 507)
        if not expected and not self.world.was_down(began, time.monotonic()):
            self.world.fault("honest_refused", str(error))
        self.world.count("publishes_refused")

    def _restock(self, client: Client) -> None:
        there = {row.task for row in client.tasks()}
        for seed, name in enumerate(PREY):
            if name not in there:
                self._publish(client, name, 1000 + seed)
                client.promote(name, "live", 1, reason="restocked")

    def _cull(self, client: Client) -> None:
        waiting = [row.id for row in client.jobs() if row.state in ("queued", "running") and row.task != "keptjob"]
        for job in waiting[_OPEN_JOBS:]:
            client.cancel(job)


def _address(url: str) -> tuple[str, int]:
    parsed = httpx.URL(url)
    return parsed.host, parsed.port or 80


def _is_open(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        return connection.recv(1 << 12) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False
