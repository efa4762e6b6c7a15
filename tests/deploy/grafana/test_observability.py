"""`make observability-test`: the real services under a short load, scraped by a real Prometheus; every panel of every
dashboard has something to show, and moves after what it is about has happened.
"""

import math
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from cli.service.local_service import LocalService
from deploy.grafana.build import DASHBOARDS
from deploy.grafana.query import Prometheus, filled
from nettailor.bundle.bundle import encode
from nettailor.network.backbones import load_backbone
from tests.bundles import random_bundle
from tests.trainer import archives
from tests.waiting import until

pytestmark = pytest.mark.observability

PAUSE_SECONDS = 0.2  # between looks, which act on the service or ask Prometheus: they must not be a load of their own
PICTURE_MINUTES = 5
PICTURE_PERIOD_SECONDS = 4.0
TASKS = [f"task{number}" for number in range(6)]
IMAGE = archives.picture(0, side=32)
SETTINGS = {
    "NETTAILOR_DEVICE_BUDGET_BYTES": "1500000",  # two or three of the bundles
    "NETTAILOR_QUEUE_BOUND": "6",
    "NETTAILOR_JOB_THREADS": "1",
    "NETTAILOR_WINOGRAD": "false",  # a quick start
}


@dataclass(frozen=True, kw_only=True)
class World:
    """The service and the Prometheus that scrapes it."""

    http: httpx.Client
    prometheus: Prometheus

    def value(self, expr: str) -> float:
        """The sum over all series now; 0 where there is none."""
        numbers = [float(one["value"][1]) for one in self.prometheus.instant(filled(expr))]
        return sum(number for number in numbers if not math.isnan(number))  # NaN: the ratio of nothing to nothing

    def predict(self, task: str) -> httpx.Response:
        return self.http.post(f"/tasks/{task}/predict", content=IMAGE, headers={"Content-Type": "image/png"})


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("observed")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in SETTINGS.items():
            patch.setenv(name, value)
        service = LocalService(folder / "data")
        try:
            url = service.start()
            # A connection a request: one kept alive may be closed by the server just as it is used again.
            limits = httpx.Limits(max_keepalive_connections=0)
            with httpx.Client(base_url=url, timeout=60, trust_env=False, limits=limits) as http:
                publish_tasks(http)
                with prometheus_of(url, folder) as prometheus:
                    yield World(http=http, prometheus=prometheus)
        finally:
            service.stop()


@pytest.fixture(scope="module")
def tailored(world: World) -> str:
    """A job that succeeded, under load all the while."""
    job = submit(world, archives.class_folders(each=12), max_minutes=0.5)
    until(
        lambda: load_once(world) and finished(world, job) == "succeeded",
        "the tailoring succeeds",
        pause_seconds=PAUSE_SECONDS,
    )
    return job


def publish_tasks(http: httpx.Client) -> None:
    fingerprint = load_backbone("mini26").fingerprint()
    for seed, task in enumerate(TASKS):
        publish(http, task, fingerprint, seed)
    publish(http, "unusable", "1" * 64, 0)


def publish(http: httpx.Client, task: str, fingerprint: str, seed: int) -> None:
    bundle = encode(*random_bundle(task=task, fingerprint=fingerprint, seed=seed))
    version = http.post(f"/tasks/{task}/versions", content=bundle).raise_for_status().json()["version"]
    http.put(f"/tasks/{task}/aliases/live", json={"version": version, "reason": "test"}).raise_for_status()


def submit(world: World, files: archives.Files, **options: Any) -> str:
    query = {"preset": "fast", **options}
    answer = world.http.post("/tasks/pets/dataset", params=query, content=archives.zip_of(files))
    return str(answer.raise_for_status().json()["id"])


def finished(world: World, job: str) -> str | None:
    state = world.http.get(f"/jobs/{job}").json()["state"]
    assert state != "failed", job
    return str(state) if state in ("succeeded", "failed", "cancelled") else None


@contextmanager
def prometheus_of(url: str, folder: Path) -> Iterator[Prometheus]:
    binary = shutil.which("prometheus")
    assert binary is not None, "install Prometheus (Debian: apt-get install prometheus)"
    target = url.removeprefix("http://")
    config = folder / "prometheus.yml"
    config.write_text(
        "global: {scrape_interval: 1s, evaluation_interval: 5s}\n"
        f"rule_files: [{Path('deploy/prometheus/alerts.yml').resolve()}]\n"
        "scrape_configs:\n"
        f"  - {{job_name: nettailor-server, static_configs: [{{targets: ['{target}']}}]}}\n"
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [binary, f"--config.file={config}", f"--storage.tsdb.path={folder / 'tsdb'}"]
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, f"--web.listen-address=127.0.0.1:{port}"], stdout=log, stderr=subprocess.STDOUT
        )
    try:
        with Prometheus(f"http://127.0.0.1:{port}") as prometheus:
            until(lambda: scraping(prometheus), "Prometheus scrapes the service")
            yield prometheus
    finally:
        process.terminate()
        process.wait(30)


def scraping(prometheus: Prometheus) -> bool:
    try:
        return prometheus.targets_up() == 1
    except httpx.HTTPError:
        return False


def load_once(world: World) -> bool:
    """Every task in turn, more than fit on the device; the unusable one; more at once than the queue takes."""
    for task in [*TASKS, TASKS[0], "unusable"]:
        world.predict(task)
    with ThreadPoolExecutor(16) as pool:
        codes = {answer.status_code for answer in pool.map(lambda _: world.predict(TASKS[0]), range(48))}
    assert codes <= {200, 429}, codes
    return True


def steady_load(world: World) -> None:
    """Every task in turn; then two of them at once, a little more than the queue takes."""
    for task in [*TASKS, "unusable"]:
        world.predict(task)
    with ThreadPoolExecutor(10) as pool:
        list(pool.map(lambda number: world.predict(TASKS[number % 2]), range(20)))


def load_until(world: World, condition: Callable[[], bool], what: str) -> None:
    until(lambda: load_once(world) and condition(), what, pause_seconds=PAUSE_SECONDS)


PANELS = [
    (dashboard.uid, panel.title, query.expr)
    for dashboard in DASHBOARDS
    for panel in dashboard.panels
    for query in panel.queries
]


def test_no_panel_is_empty(world: World, tailored: str) -> None:
    submit(world, archives.class_folders(["cats"]))  # one class alone: it fails
    promote_again(world)
    empty: list[tuple[str, str, str]] = []

    def all_show() -> bool:
        promote_again(world)
        empty[:] = [panel for panel in PANELS if not shows(world, panel[2])]
        return not empty

    try:
        load_until(world, all_show, "every panel has data")
    except AssertionError:
        pytest.fail(f"panels without data: {empty}")


def test_pictures_of_five_steady_minutes(world: World, tailored: str) -> None:
    """What is in docs/images; on request alone, as it takes as long."""
    folder = os.environ.get("NETTAILOR_PICTURES")
    if folder is None:
        pytest.skip("NETTAILOR_PICTURES names no folder for pictures")
    submit(world, archives.class_folders(each=12, seed=1), max_minutes=2)
    over = time.monotonic() + 60 * PICTURE_MINUTES
    next_at = time.monotonic()
    while next_at < over:
        steady_load(world)
        next_at += PICTURE_PERIOD_SECONDS
        time.sleep(max(0.0, next_at - time.monotonic()))  # the pace is the point: not as fast as it can be answered
    from deploy.grafana.pictures import write_pictures  # imports matplotlib, and these tests are rarely run

    write_pictures(world.prometheus, Path(folder), minutes=PICTURE_MINUTES)


def shows(world: World, expr: str) -> bool:
    return any(not math.isnan(float(one["value"][1])) for one in world.prometheus.instant(filled(expr)))


def promote_again(world: World) -> None:
    fingerprint = load_backbone("mini26").fingerprint()
    publish(world.http, TASKS[1], fingerprint, int(time.time()) % 1_000_000)


def ask_useless(world: World) -> None:
    """Another bundle of another backbone each time: one that failed is not tried again."""
    publish(world.http, "unusable", "1" * 64, int(time.time()))
    world.predict("unusable")


def submit_useless(world: World) -> None:
    """One class alone, other images each time: the job fails."""
    submit(world, archives.class_folders(["cats"], seed=int(time.time())))


def panel(title: str, query: int = 0) -> str:
    (found,) = [p for dashboard in DASHBOARDS for p in dashboard.panels if p.title == title]
    return found.queries[query].expr


MOVES: dict[str, tuple[str, Callable[[World], Any]]] = {
    "a switch": (panel("Switches a second by tier"), lambda world: [world.predict(task) for task in TASKS]),
    "an eviction": (panel("Evictions a second"), lambda world: [world.predict(task) for task in TASKS]),
    "a refusal": (panel("Refused a second"), load_once),
    "a useless bundle": (panel("Loads that failed"), ask_useless),
    "a failed job": (panel("Failed jobs"), submit_useless),
    "a publish": (panel("Operations a second"), promote_again),
}


@pytest.mark.parametrize("action", MOVES)
def test_what_happens_moves_its_panel(world: World, tailored: str, action: str) -> None:
    """From a quiet moment, in which rates have gone down: what was done lifts the panel over where it stood."""
    expr, act = MOVES[action]
    quiet: list[float] = []  # one a look, five looks a second, a scrape a second

    def settled() -> bool:
        quiet.append(world.value(expr))
        return len(quiet) > 20 and len(set(quiet[-20:])) == 1

    until(settled, f"a quiet moment before {action}", pause_seconds=PAUSE_SECONDS)
    before = quiet[-1]
    until(lambda: (act(world), world.value(expr) > before)[1], f"{action} moves its panel", pause_seconds=PAUSE_SECONDS)
