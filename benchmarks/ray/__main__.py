"""`python -m benchmarks.ray`: on a local Ray cluster, how often a request finds its task resident, with requests routed
by residency and by Ray's own choice; and what becomes of requests when a node is killed under load.

Hit ratios and losses do not depend on how fast the machine is. Nothing else here is timed.
"""

import argparse
import itertools
import json
import logging
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measuring.machine import describe
from benchmarks.ray.cluster import LocalCluster, device_bytes, local_cluster
from benchmarks.ray.load import Asked, ask_all, load
from benchmarks.workloads.mini26 import BACKBONE, random_bundle, smallest_plan
from hosting.redis_server.embedded import EmbeddedRedis
from nettailor.network.backbones import load_backbone
from registry.wiring import open_registry
from server.settings import ServerSettings

TASKS = 40
ROOM = 8  # tasks that a replica's device has room for
EXPONENT = 1.0  # of Zipf: the k-th task is asked in proportion to k ** -EXPONENT
THREADS = 8
_PATIENCE_S = 120.0


@dataclass(frozen=True, kw_only=True)
class Mix:
    """What is asked."""

    warm_up: list[str]
    counted: list[str]


def main() -> None:
    options = _parser().parse_args()
    logging.disable(logging.INFO)
    mix = _mix(options.requests)
    report: dict[str, Any] = {}
    with _published() as settings, local_cluster(4) as cluster:
        for replicas, (name, routing) in itertools.product((2, 4), (("plain", "any"), ("multiplexed", "residency"))):
            # A new application each time: no replica may have anything of the run before.
            cluster.remove()
            cluster.deploy(settings, replicas=replicas, routing=routing)
            found = _ratio(cluster, mix)
            report |= {f"{key}_{name}_{replicas}": value for key, value in found.items()}
            print(_row(name, replicas, found), flush=True)
        # Batches that wait for company: or a request is on a replica so shortly that the kill would rarely meet one.
        cluster.remove()
        cluster.deploy(settings.model_copy(update={"max_wait_ms": 100}), replicas=4, routing="residency")
        killed = _kill(cluster, mix)
    report |= killed
    print(f"a node killed under load: {killed}")
    if options.json:
        setting = {"tasks": TASKS, "room": ROOM, "zipf": EXPONENT, "requests": len(mix.counted), "threads": THREADS}
        print(json.dumps({"benchmark": "ray", **report, "mix": setting, "machine": describe()}))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ray", description=__doc__)
    parser.add_argument("--requests", type=int, default=1000, help="counted requests of each run; half as many before")
    parser.add_argument("--json", action="store_true", help="one line of JSON after the table")
    return parser


def _mix(requests: int) -> Mix:
    """The same for every run."""
    shares = np.arange(1, TASKS + 1) ** -EXPONENT
    picks = np.random.default_rng(0).choice(TASKS, requests + requests // 2, p=shares / shares.sum())
    names = [_name(index) for index in picks]
    return Mix(warm_up=names[: requests // 2], counted=names[requests // 2 :])


def _name(index: int) -> str:
    return f"task-{index:02}"


@contextmanager
def _published() -> Iterator[ServerSettings]:
    """A registry with all tasks, and a device that has room for few of them."""
    fingerprint = load_backbone(BACKBONE).fingerprint()
    bundles = {
        _name(seed): random_bundle(_name(seed), seed, plan=smallest_plan(), fingerprint=fingerprint)
        for seed in range(TASKS)
    }
    budget = ROOM * max(map(device_bytes, bundles.values()))
    with tempfile.TemporaryDirectory() as name, EmbeddedRedis(Path(name) / "redis") as server:
        settings = ServerSettings(
            data_dir=Path(name), redis_url=server.url, device="cpu", winograd=False, device_budget_bytes=budget
        )
        with open_registry(settings, server.url) as registry:
            for task, data in bundles.items():
                record = registry.publish(task, data, actor="benchmark")
                registry.promote(task, "live", record.version, actor="benchmark", reason="benchmark")
        yield settings


def _ratio(cluster: LocalCluster, mix: Mix) -> dict[str, float]:
    """Of the counted requests: the share that found its task on the device, and that of the busiest replica."""
    ask_all(cluster.url, mix.warm_up, threads=THREADS)
    asked = ask_all(cluster.url, mix.counted, threads=THREADS)
    _must_all_be_answered(asked)
    by_replica = Counter(one.replica for one in asked)
    return {
        "hit_ratio": round(sum(one.tier == "device" for one in asked) / len(asked), 4),
        "busiest_replica_share": round(max(by_replica.values()) / len(asked), 4),
    }


def _must_all_be_answered(asked: list[Asked]) -> None:
    failed = [one for one in asked if one.status != 200]
    if failed:
        raise SystemExit(f"{len(failed)} requests of {len(asked)} failed, the first: {failed[0]}")


def _kill(cluster: LocalCluster, mix: Mix) -> dict[str, int]:
    """Under load, kill one node of four and ask on until the other three alone have answered for a while."""
    count = len(mix.counted) // 2
    with load(cluster.url, itertools.cycle(mix.counted).__next__, threads=THREADS) as (asked, _):
        _wait(lambda: len(asked) >= count)
        before = _replicas(asked)
        cluster.kill_worker()
        at = len(asked)
        _wait(lambda: len(asked) >= at + 2 * count and len(_replicas(asked[-count:])) < len(before))
        after = _replicas(asked[-count:])
    (dead,) = before - after
    orphans = {one.task for one in asked[:at] if one.replica == dead}
    elsewhere = {one.task for one in asked[at:] if one.replica in after and one.tier == "device"}
    return {
        "requests_lost_on_node_kill": sum(one.status != 200 for one in asked),
        "requests_retried": sum(one.attempts > 1 for one in asked),
        "requests_under_kill": len(asked),
        "tasks_of_the_dead_replica": len(orphans),
        "of_these_resident_elsewhere": len(orphans & elsewhere),
    }


def _replicas(asked: list[Asked]) -> set[str]:
    return {one.replica for one in asked if one.replica}


def _wait(condition: Any) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit("the cluster did not get there in time")
        time.sleep(0.05)  # between looks at another process, which tells nobody


def _row(name: str, replicas: int, found: dict[str, float]) -> str:
    return f"{replicas} replicas, {name:<11}  " + "  ".join(f"{key} {value:.3f}" for key, value in found.items())


if __name__ == "__main__":
    main()
