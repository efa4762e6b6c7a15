"""Who keeps the service busy: clients that predict, somebody who publishes, somebody who uploads."""

import random
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.soak.oracle import Oracle
from benchmarks.soak.world import World
from benchmarks.workloads.mini26 import random_bundle, usual_plan
from nettailor_client import Client
from nettailor_client.answers.predictions import Prediction
from nettailor_client.errors import RequestRefused, ServiceUnreachable

_STALE_S = 15.0  # after a promote was answered, nobody may still be served by what was live before


class Live:
    """Which versions of a task may answer: what was live at any time since a request began, and a while before."""

    def __init__(self) -> None:
        self._moves: dict[str, list[tuple[float, int]]] = {}  # (when the move was answered, to what)

    def moved(self, task: str, version: int) -> None:
        self._moves.setdefault(task, []).append((time.monotonic(), version))

    def may_answer(self, task: str, version: int, began: float) -> bool:
        moves = list(self._moves.get(task, []))
        recent = [v for at, v in moves if at >= began - _STALE_S]
        before = [v for at, v in moves if at < began - _STALE_S]
        return version in recent or version in before[-1:] or not moves or version > max(v for _, v in moves)


@dataclass(frozen=True, kw_only=True)
class Checker:
    """Asks the service and checks what it says."""

    world: World
    images: list[bytes]
    oracle: Oracle
    live: Live

    def predict(self, tasks: list[str], seed: int) -> None:
        """Without a pause, until the end."""
        dice = random.Random(seed)
        for client in self.world.clients():
            self._once(client, dice.choice(tasks), dice.randrange(len(self.images)))

    def _once(self, client: Client, task: str, picture: int) -> None:
        world, began = self.world, time.monotonic()
        try:
            answer = client.predict(task, self.images[picture], top_k=3)
            self._check(client, answer, picture, began)
        except ServiceUnreachable as error:
            self._lost(began, str(error))
        except RequestRefused as error:
            if error.status >= 500:
                self._lost(began, str(error))
                return
            world.count(f"http_{error.status}")
            if error.status == 429:
                world.stopping.wait(0.05)

    def _lost(self, began: float, detail: str) -> None:
        if self.world.was_down(began, time.monotonic()):
            self.world.count("lost_to_kills")
            self.world.stopping.wait(0.1)
        else:
            self.world.fault("unexpected_5xx", detail)

    def _check(self, client: Client, answer: Prediction, picture: int, began: float) -> None:
        task, version, digest = answer.task, answer.version, answer.digest
        expected = self.oracle.knows(digest) or self.oracle.expected(digest, client.bundle(task, version))
        (predictions,) = answer.as_json()["predictions"]  # one image was sent
        self.world.count("requests")
        if not expected.fits(picture, predictions):
            self.world.fault("wrong_answers", f"{task} version {version}, picture {picture}: {predictions}")
        if not self.live.may_answer(task, version, began):
            self.world.fault("stale_answers", f"{task} version {version}")


def publish(world: World, tasks: list[str], fingerprint: str, live: Live, every_s: float) -> None:
    """New versions, promoted, and rolled back now and then; nothing waits for the killer, and what it cuts off is
    tried again."""
    dice, seed = random.Random(7), 1000
    for client in world.clients():
        task, seed = dice.choice(tasks), seed + 1
        bundle = random_bundle(task, seed, plan=usual_plan(), fingerprint=fingerprint)
        began = time.monotonic()
        try:
            _publish_once(client, world, task, bundle, live, roll_back=dice.random() < 0.3)
        except (RequestRefused, ServiceUnreachable) as error:
            live.moved(task, live_version(world, task))
            if not world.was_down(began, time.monotonic()):
                world.fault("unexpected_5xx", f"publishing {task}: {error}")
        world.stopping.wait(every_s)


def _publish_once(client: Client, world: World, task: str, bundle: bytes, live: Live, *, roll_back: bool) -> None:
    version = client.publish(task, bundle).version
    world.count("publishes")
    client.promote(task, "live", version, reason="soak")
    live.moved(task, version)
    world.count("promotes")
    if roll_back:
        live.moved(task, client.rollback(task, reason="soak").after or 0)
        world.count("rollbacks")


def live_version(world: World, task: str) -> int:
    """What is live now, asked until the service answers; 0 if the run stops before."""
    for client in world.clients():
        try:
            return int(client.task(task).aliases["live"])
        except (RequestRefused, ServiceUnreachable):
            world.stopping.wait(0.2)
    return 0


def upload(world: World, archive: Path, every_s: float) -> None:
    """Tailorings, so that training, publishing and serving meet."""
    for seed, client in enumerate(world.clients(), 1):
        try:
            client.upload("tailored", archive, options={"preset": "fast", "max_minutes": 0.5, "seed": seed})
            world.count("uploads")
        except (RequestRefused, ServiceUnreachable):
            world.count("uploads_cut_off")
        world.stopping.wait(every_s)
