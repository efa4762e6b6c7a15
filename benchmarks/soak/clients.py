"""Who keeps the service busy: clients that predict, somebody who publishes, somebody who uploads."""

import random
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from benchmarks.soak.oracle import Oracle, fetched
from benchmarks.soak.world import World
from benchmarks.workloads.mini26 import random_bundle, usual_plan

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
        dice, world = random.Random(seed), self.world
        with world.client() as http:
            while not world.stopping.is_set():
                self._once(http, dice.choice(tasks), dice.randrange(len(self.images)))

    def _once(self, http: httpx.Client, task: str, picture: int) -> None:
        world, began = self.world, time.monotonic()
        http.base_url = httpx.URL(world.url)
        content, headers = self.images[picture], {"Content-Type": "image/png"}
        try:
            answer = http.post(f"/tasks/{task}/predict?top_k=3", content=content, headers=headers)
            if answer.status_code == 200:
                self._check(http, answer.json(), picture, began)
            elif answer.status_code >= 500:
                self._lost(began, f"{answer.status_code} {answer.text[:200]}")
            else:
                world.count(f"http_{answer.status_code}")
                if answer.status_code == 429:
                    world.stopping.wait(0.05)
        except httpx.HTTPError as error:
            self._lost(began, f"{type(error).__name__} {error}")

    def _lost(self, began: float, detail: str) -> None:
        if self.world.was_down(began, time.monotonic()):
            self.world.count("lost_to_kills")
            self.world.stopping.wait(0.1)
        else:
            self.world.fault("unexpected_5xx", detail)

    def _check(self, http: httpx.Client, body: dict[str, Any], picture: int, began: float) -> None:
        task, version, digest = body["task"], body["version"], body["digest"]
        expected = self.oracle.knows(digest) or self.oracle.expected(digest, fetched(http, task, version))
        (predictions,) = body["predictions"]  # one image was sent
        self.world.count("requests")
        if not expected.fits(picture, predictions):
            self.world.fault("wrong_answers", f"{task} version {version}, picture {picture}: {predictions}")
        if not self.live.may_answer(task, version, began):
            self.world.fault("stale_answers", f"{task} version {version}")


def publish(world: World, tasks: list[str], fingerprint: str, live: Live, every_s: float) -> None:
    """New versions, promoted, and rolled back now and then; nothing waits for the killer, and what it cuts off is
    tried again."""
    dice, seed = random.Random(7), 1000
    with world.client() as http:
        while not world.stopping.wait(every_s):
            task, seed = dice.choice(tasks), seed + 1
            bundle = random_bundle(task, seed, plan=usual_plan(), fingerprint=fingerprint)
            began = time.monotonic()
            try:
                http.base_url = httpx.URL(world.url)
                version = http.post(f"/tasks/{task}/versions", content=bundle).raise_for_status().json()["version"]
                world.count("publishes")
                move = {"version": version, "reason": "soak"}
                http.put(f"/tasks/{task}/aliases/live", json=move).raise_for_status()
                live.moved(task, version)
                world.count("promotes")
                if dice.random() < 0.3:
                    back = http.post(f"/tasks/{task}/rollback", json={"reason": "soak"}).raise_for_status().json()
                    live.moved(task, back["after"])
                    world.count("rollbacks")
            except httpx.HTTPError as error:
                live.moved(task, http_live(http, world, task))
                if not world.was_down(began, time.monotonic()):
                    world.fault("unexpected_5xx", f"publishing {task}: {error}")


def http_live(http: httpx.Client, world: World, task: str) -> int:
    """What is live now, asked until the service answers."""
    while True:
        try:
            http.base_url = httpx.URL(world.url)
            return int(http.get(f"/tasks/{task}").raise_for_status().json()["aliases"]["live"])
        except httpx.HTTPError:
            if world.stopping.wait(0.2):
                return 0


def upload(world: World, archive: Path, every_s: float) -> None:
    """Tailorings, so that training, publishing and serving meet."""
    seed = 0
    with world.client() as http:
        while not world.stopping.is_set():
            seed += 1
            try:
                http.base_url = httpx.URL(world.url)
                query = {"preset": "fast", "max_minutes": "0.5", "seed": str(seed)}
                http.post("/tasks/tailored/dataset", params=query, content=archive.read_bytes()).raise_for_status()
                world.count("uploads")
            except httpx.HTTPError:
                world.count("uploads_cut_off")
            if world.stopping.wait(every_s):
                return
