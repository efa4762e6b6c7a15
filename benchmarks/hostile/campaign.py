"""The whole attack: requests from several hands, kills, then a full disk; and what honest users saw of it."""

import itertools
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from benchmarks.hostile.attack import Attack
from benchmarks.hostile.keepers import PREY, Keepers
from benchmarks.hostile.materials import materials
from benchmarks.hostile.mutations import mutated
from benchmarks.hostile.ordinary import Names, operations, ordinary
from benchmarks.hostile.wire import Ending, Outcome, exchange
from benchmarks.hostile.world import BesiegedWorld, full
from benchmarks.soak.clients import Checker, Live
from benchmarks.soak.oracle import Oracle, pictures
from cli.demo.data import write_signs
from nettailor.network.backbones import load_backbone

_HANDS = 4
_KILLS = ((0.04, "worker"), (0.08, "redis"), (0.12, "service"), (0.16, "redis"), (0.20, "worker"), (0.24, "service"))
_SETTLED = 0.3  # share of the requests after which memory is first looked at
_WHILE_FULL = 0.05  # as many requests again, on a full disk
_AFTERWARDS_S = 30.0  # how soon a service works again once there is space
_TOLD = {503, 504, 507}  # that it cannot now, or not in the time it was given, is no fault


@dataclass(kw_only=True)
class Findings:
    requests: int = 0
    server_errors: int = 0
    hangs: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    leftovers: list[str] = field(default_factory=list)
    rss_growth_mib: float = 0.0
    slowest_pulse_ms: float = 0.0
    tracebacks: list[str] = field(default_factory=list)
    disk_was_full: bool = False


class Campaign:
    def __init__(self, folder: Path, *, requests: int, seed: int) -> None:
        backbone, images = load_backbone("mini26"), pictures(4)
        self._requests, self._seed, self._folder = requests, seed, folder
        self.world = BesiegedWorld(folder)
        checker = Checker(world=self.world, images=images, oracle=Oracle(backbone, images), live=Live())
        self.keepers = Keepers(world=self.world, checker=checker, fingerprint=backbone.fingerprint())
        self.findings = Findings()
        self._stock = materials(PREY[0], backbone.fingerprint())
        self._operations = operations(httpx.get(f"{self.world.url}/openapi.json", trust_env=False).json())
        self._numbers = itertools.count()
        self._lock = threading.Lock()

    def run(self, *, may_fill: bool) -> Findings:
        """Stops the service at the end."""
        archive = self._folder / "signs.zip"
        write_signs(archive, train=8, test=2)
        self.keepers.publish_first()
        self.keepers.upload(archive, 3)
        with self._honest_users():
            self._besiege()
            if may_fill:
                self._fill_disk()
        self._take_stock()
        return self.findings

    def attack(self, number: int) -> Attack:
        """The same for the same number and seed, but for the jobs there are."""
        dice = random.Random(f"{self._seed}:{number}")
        operation = dice.choice(self._operations)
        prey = PREY[-1:] if operation.method == "delete" else (*PREY, "nobody")  # or all would be gone all the time
        names = Names(prey=prey, jobs=(*self.keepers.jobs, "0" * 32))
        return mutated(ordinary(number, operation, names, self._stock, dice), dice)

    @contextmanager
    def _honest_users(self) -> Iterator[None]:
        keepers = self.keepers
        with _threads(keepers.predict, keepers.publish, keepers.feel_pulse, keepers.tend_prey, keepers.hold_half_sent):
            try:
                yield
            finally:
                self.world.stopping.set()

    def _besiege(self) -> None:
        """Each part of the requests, then a kill; memory from when all kills are over."""
        done = 0
        for share, victim in _KILLS:
            done += self._send(round(share * self._requests) - done)
            self._kill(victim)
        done += self._send(round(_SETTLED * self._requests) - done)
        before = self.world.resident_mib()
        self._send(self._requests - done)
        self.findings.rss_growth_mib = self.world.resident_mib() - before

    def _kill(self, victim: str) -> None:
        """While requests arrive."""
        kills: dict[str, Callable[[], None]] = {
            "worker": self.world.kill_worker,
            "redis": self.world.kill_redis,
            "service": self.world.kill,
        }
        with _threads(kills[victim]):
            self._send(20)

    def _fill_disk(self) -> None:
        self.findings.disk_was_full = True
        with full(self._folder):
            self._send(round(_WHILE_FULL * self._requests))
        if not self.world.ready_within(_AFTERWARDS_S):
            self.world.fault("not_ready_again", "when there was space again")
        self._send(20)

    def _send(self, count: int) -> int:
        """From several hands; how many."""
        numbers = iter(list(itertools.islice(self._numbers, max(0, count))))

        def hand() -> None:
            while True:
                with self._lock:
                    number = next(numbers, None)
                if number is None:
                    return
                attack = self.attack(number)
                url = httpx.URL(self.world.url)
                self._judge(attack, exchange((url.host, url.port or 80), attack))

        with _threads(*[hand] * _HANDS):
            pass
        return max(0, count)

    def _judge(self, attack: Attack, outcome: Outcome) -> None:
        down = self.world.was_down(outcome.began, outcome.ended)
        with self._lock:
            self.findings.requests += 1
            self.findings.statuses[outcome.status] += 1
            failed = outcome.status >= 500 and outcome.status not in _TOLD
            hung = outcome.ending is Ending.HUNG and not down
            self.findings.server_errors += failed
            self.findings.hangs += hung
        if failed or hung:
            self.world.fault("failed" if failed else "hung", f"{attack} -> {outcome.status} {outcome.answer[-300:]!r}")

    def _take_stock(self) -> None:
        findings, world = self.findings, self.world
        findings.lost = self.keepers.lost()
        findings.slowest_pulse_ms = self.keepers.slowest_pulse_ms
        findings.leftovers = world.leftovers()
        findings.tracebacks = world.tracebacks()


@contextmanager
def _threads(*jobs: Callable[[], None]) -> Iterator[None]:
    """They run beside the block, which is left when all have ended. Raises what any of them raised."""
    failures: list[BaseException] = []

    def guarded(job: Callable[[], None]) -> None:
        try:
            job()
        except BaseException as failure:  # whatever it is, it is raised again below
            failures.append(failure)

    threads = [threading.Thread(target=guarded, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for thread in threads:
            thread.join()
    if failures:
        raise failures[0]
