"""Mixed load over real processes for a long time: is every answer right, is nothing lost, does memory stay flat?

    python -m benchmarks.soak [--minutes 30] [--tasks 12] [--clients 3] [--json]

Clients predict without a pause; somebody publishes, promotes and rolls back every two seconds; somebody uploads data
sets; the service's main process is killed (kill -9) three times in the first third, a training worker every few
minutes; the device holds a third of the tasks, the disk tier four versions of each. Each answer is compared with what
the very version it names gives in the unfused student, apart from the service. Memory is judged over the second half of
the last start's life: by the slope of a line, and by the mean growth with an interval that steps do not mislead.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.measuring import machine
from benchmarks.soak.clients import Checker, Live, publish, upload
from benchmarks.soak.memory import Slope, by_minute, drift, slope
from benchmarks.soak.oracle import Oracle, pictures
from benchmarks.soak.world import World
from benchmarks.workloads.mini26 import random_bundle, usual_plan
from cli.demo.data import write_signs
from nettailor.network.backbones import load_backbone

_SAMPLE_S = 2.0
_PUBLISH_S = 2.0
_BUNDLE_BYTES = 450_000  # of the usual plan, on the device, about


def soak(folder: Path, *, minutes: float, tasks: int, clients: int) -> World:
    """Run it all and stop it; what was counted."""
    os.environ["NETTAILOR_DEVICE_BUDGET_BYTES"] = str(_BUNDLE_BYTES * max(2, tasks // 3))
    os.environ["NETTAILOR_DISK_BUDGET_BYTES"] = str(_BUNDLE_BYTES * 4 * tasks)
    os.environ.setdefault("NETTAILOR_JOB_THREADS", "1")
    backbone = load_backbone("mini26")
    fingerprint, images = backbone.fingerprint(), pictures(8)
    names = [f"task{number}" for number in range(tasks)]
    world, live = World(folder), Live()
    checker = Checker(world=world, images=images, oracle=Oracle(backbone, images), live=live)
    archive = folder / "signs.zip"
    write_signs(archive, train=20, test=4)
    _publish_first(world, names, fingerprint, live)
    players: list[Callable[[], None]] = [
        lambda: publish(world, names, fingerprint, live, _PUBLISH_S),
        lambda: upload(world, archive, max(20.0, 10 * minutes)),
        *(partial(checker.predict, names, seed) for seed in range(clients)),
    ]
    threads = [threading.Thread(target=_guarded, args=(world, player)) for player in players]
    for thread in threads:
        thread.start()
    _watch(world, 60 * minutes)
    world.stopping.set()
    for thread in threads:
        thread.join()
    world.note_evictions()
    world.stop()
    return world


def _guarded(world: World, player: Callable[[], None]) -> None:
    """A player that dies of a fault of its own must not go unnoticed."""
    try:
        player()
    except Exception as error:  # whatever it is, the run is void
        world.fault("dead_players", f"{type(error).__name__}: {error}")
        raise


def _publish_first(world: World, names: list[str], fingerprint: str, live: Live) -> None:
    with world.client() as client:
        for seed, name in enumerate(names):
            client.publish(name, random_bundle(name, seed, plan=usual_plan(), fingerprint=fingerprint))
            client.promote(name, "live", 1, reason="soak")
            live.moved(name, 1)


def _watch(world: World, seconds: float) -> None:
    """Sample memory, and kill on time."""
    start = time.monotonic()
    kills = [seconds * share for share in (0.1, 0.2, 0.3)]
    worker_kills = [seconds * share for share in (0.05, 0.25, 0.5, 0.75, 0.9)]
    told = 0.0
    while (elapsed := time.monotonic() - start) < seconds:
        if kills and elapsed >= kills[0]:
            kills.pop(0)
            world.kill()
        if worker_kills and elapsed >= worker_kills[0]:
            worker_kills.pop(0)
            world.kill_worker()
        world.sample_memory(elapsed)
        if elapsed - told >= 60:
            told = elapsed
            print(f"{elapsed / 60:.0f} min: {dict(world.counts)}", file=sys.stderr, flush=True)
        world.stopping.wait(_SAMPLE_S)


def summary(world: World, minutes: float) -> dict[str, Any]:
    samples = world.samples[max(world.samples)]
    late = samples[len(samples) // 2 :]
    counts = world.counts
    names = "requests wrong_answers stale_answers unexpected_5xx lost_to_kills kills worker_kills publishes promotes"
    figures: dict[str, Any] = {"minutes": minutes, **{name: counts[name] for name in names.split()}}
    figures |= {name: counts[name] for name in ("rollbacks", "uploads", "evictions", "dead_players", "http_429")}
    figures |= {
        "rss_mib": round(late[-1][1] / 2**20, 1),
        **_as_json("rss_slope", slope(late)),
        **_as_json("rss_drift", drift(late)),
        "rss_mib_by_minute": by_minute(samples),
        "faults": world.faults,
        "machine": machine.describe(),
    }
    return figures


def _as_json(name: str, found: Slope | None) -> dict[str, Any]:
    if found is None:
        return {f"{name}_mib_per_hour": None, f"{name}_ci": None}
    return {
        f"{name}_mib_per_hour": round(found.mib_per_hour, 2),
        f"{name}_ci": [round(found.low, 2), round(found.high, 2)],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--tasks", type=int, default=12)
    parser.add_argument("--clients", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="only the line of JSON on stdout; the table on stderr")
    args = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="nettailor-soak-"))
    try:
        world = soak(folder, minutes=args.minutes, tasks=args.tasks, clients=args.clients)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    figures = summary(world, args.minutes)
    table = Table("what", "how many", title=f"{args.minutes:g} minutes of everything at once")
    for name, value in figures.items():
        if name not in ("faults", "machine"):
            table.add_row(name, str(value))
    Console(stderr=args.json, width=100).print(table)
    print(json.dumps(figures))
    if figures["wrong_answers"] or figures["stale_answers"] or figures["unexpected_5xx"] or figures["dead_players"]:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
