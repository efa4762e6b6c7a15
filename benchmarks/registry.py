"""How fast servers follow the registry, and how fast bundles go in and out of it.

    python -m benchmarks.registry [--promotes 30] [--rounds 9] [--bundles 20] [--json]

`python -m registry` and two `python -m server` with the default backbone, over one Redis and one folder of blobs, all
on this machine. First, again and again: a new version is published and promoted, while a client a server asks for a
prediction without a pause. `follow_ms` is the time from the promote's answer until a server answers with the new
version, which it has fetched, verified and made ready by then; one value a server and promote.

Then the servers are ended, and bundles go in and out over HTTP and over the library, beside a plain copy of files with
the same bytes (`copy`, which leaves them to the page cache) and beside one that waits for the disk (`durable copy`: a
temporary name, fsync, rename, fsync of the folder). A publish checks the bundle and waits for the disk for its blob,
for its record, for the folders of both and for Redis. Speeds are medians over rounds; ratios are paired, with their
95% interval.
"""

import argparse
import itertools
import json
import os
import shutil
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from benchmarks.http.servers import jpeg
from benchmarks.measuring import machine
from benchmarks.measuring.processes import Launch, Served, serving
from benchmarks.measuring.ratios import over_rounds, paired_ratio
from benchmarks.measuring.rounds import Values, paired_rounds
from benchmarks.workloads.mini26 import BACKBONE, SIDE, random_bundle, usual_plan
from hosting.settings.settings import Settings
from nettailor.durable import write_durably
from nettailor.network.backbones import load_backbone
from nettailor_client import IMPATIENT, Client
from nettailor_client.errors import RequestRefused
from registry.journal.records import VersionRecord
from registry.registry import LIVE, Registry
from registry.wiring import open_registry, redis_service

T = TypeVar("T")

TASK = "followed"
GOAL_MS = 1000.0
_PATIENCE_S = 30.0
_MIB = 2**20
_ROOT = str(Path(__file__).parents[1])


@dataclass(kw_only=True, eq=False)
class Watcher:
    """Asks one server for predictions all the time, and knows when it first answered with which version."""

    url: str
    image: bytes
    seen: dict[int, float] = field(default_factory=dict)  # version -> time.monotonic() of the first answer
    changed: threading.Condition = field(default_factory=threading.Condition)
    stopping: threading.Event = field(default_factory=threading.Event)

    def watch(self) -> None:
        with Client(self.url, patience=IMPATIENT) as client:
            while not self.stopping.is_set():
                try:
                    answer = client.predict(TASK, self.image)
                except RequestRefused:  # nothing is live yet
                    continue
                at = time.monotonic()
                with self.changed:
                    self.seen.setdefault(answer.version, at)
                    self.changed.notify_all()

    def first_answer(self, version: int) -> float:
        """Waits for it. Raises `TimeoutError`."""
        with self.changed:
            if not self.changed.wait_for(lambda: version in self.seen, _PATIENCE_S):
                raise TimeoutError(f"{self.url} does not answer with version {version}")
            return self.seen[version]


def follow_ms(client: Client, servers: Sequence[Served], fingerprint: str, promotes: int) -> list[float]:
    """Milliseconds from a promote's answer to the first answer of each server with the new version."""
    watchers = [Watcher(url=served.url, image=jpeg(SIDE)) for served in servers]
    found = []
    with ThreadPoolExecutor(len(watchers)) as pool:
        running = [pool.submit(watcher.watch) for watcher in watchers]
        try:
            for seed in range(promotes + 1):
                version, promoted_at = _promoted(client, fingerprint, seed=seed)
                at = [watcher.first_answer(version) for watcher in watchers]
                if seed:  # the first only makes sure that all of them answer
                    found += [max(0.0, 1000 * (first - promoted_at)) for first in at]
        finally:
            for watcher in watchers:
                watcher.stopping.set()
    for each in running:
        each.result()
    return found


def _promoted(client: Client, fingerprint: str, *, seed: int) -> tuple[int, float]:
    """The version, and when the promote was answered."""
    data = random_bundle(TASK, seed, plan=usual_plan(), fingerprint=fingerprint)
    version = client.publish(TASK, data).version
    client.promote(TASK, LIVE, version)
    return version, time.monotonic()


class Traffic:
    """The same number of bundles in every direction; each way returns bytes a second."""

    def __init__(self, registry: Registry, client: Client, folder: Path, count: int) -> None:
        self._registry = registry
        self._client = client
        self._count = count
        self._seeds = itertools.count()
        self._source, self._target = folder / "source", folder / "target"
        for made in (self._source, self._target):
            made.mkdir(parents=True)
        for number, data in enumerate(self._fresh("copied")):
            (self._source / str(number)).write_bytes(data)

    def ways(self) -> dict[str, Callable[[], float]]:
        """What is fetched was published in the same round, or an earlier one."""
        return {
            "publish": self._publish,
            "fetch": self._fetch,
            "publish, library": self._publish_by_library,
            "fetch, library": self._fetch_by_library,
            "copy": self._copy,
            "durable copy": self._copy_durably,
        }

    def _publish(self) -> float:
        return _rate(self._fresh("http"), lambda data: self._client.publish("http", data).size_bytes)

    def _fetch(self) -> float:
        def fetch(version: int) -> int:
            return (self._target / "fetched").write_bytes(self._client.bundle("http", version))

        latest = self._client.task("http").latest
        return _rate(range(latest - self._count + 1, latest + 1), fetch)

    def _publish_by_library(self) -> float:
        def publish(data: bytes) -> int:
            return self._registry.publish("library", data, actor="benchmark").size_bytes

        return _rate(self._fresh("library"), publish)

    def _fetch_by_library(self) -> float:
        """As servers do it: verified, and durable in the folder it goes to."""

        def fetch(record: VersionRecord) -> int:
            self._registry.blobs.fetch(record.digest, self._target / "fetched")
            return record.size_bytes

        return _rate(self._registry.versions("library")[-self._count :], fetch)

    def _copy(self) -> float:
        return _rate(sorted(self._source.iterdir()), lambda path: _size(shutil.copyfile(path, self._target / "copied")))

    def _copy_durably(self) -> float:
        def copy(path: Path) -> int:
            write_durably(self._target / "copied", [path.read_bytes()])
            return _size(path)

        return _rate(sorted(self._source.iterdir()), copy)

    def _fresh(self, task: str) -> list[bytes]:
        """Bundles that the registry has not seen."""
        plan = usual_plan()
        return [random_bundle(task, next(self._seeds), plan=plan) for _ in range(self._count)]


def _rate(items: Sequence[T], move: Callable[[T], int]) -> float:
    """Bytes a second; `move` says how many an item had."""
    began = time.perf_counter()
    moved = sum(move(item) for item in items)
    return moved / (time.perf_counter() - began)


def _size(path: Path) -> int:
    return path.stat().st_size


def measured(folder: Path, args: argparse.Namespace) -> dict[str, Any]:
    """All figures, as the last line of JSON has them."""
    fingerprint = load_backbone(BACKBONE).fingerprint()
    settings = Settings(data_dir=folder, redis_url=None, blobs_url=None, keys_file=None, audit_log=None)
    with redis_service(settings) as url, open_registry(settings, url) as registry, ExitStack() as stack:
        shared = {"NETTAILOR_REDIS_URL": url, "NETTAILOR_BLOBS_URL": settings.blobs_location}
        served = stack.enter_context(serving(_launch("registry", "registry", folder, shared), folder))
        client = stack.enter_context(Client(served.url, actor="benchmark", patience=IMPATIENT))
        with ExitStack() as followers:
            launches = [_launch(f"server-{number}", "server", folder, shared) for number in (1, 2)]
            servers = [followers.enter_context(serving(launch, folder)) for launch in launches]
            followed = follow_ms(client, servers, fingerprint, args.promotes)
        traffic = Traffic(registry, client, folder / "traffic", args.bundles)
        speeds = paired_rounds(traffic.ways(), args.rounds)
    bundle_bytes = len(random_bundle(TASK, 0, plan=usual_plan()))
    return figures(followed, speeds) | {
        "bundle_bytes": bundle_bytes,
        "promotes": args.promotes,
        "rounds": args.rounds,
        "bundles": args.bundles,
        "machine": machine.describe(),
    }


def _launch(name: str, module: str, folder: Path, shared: Mapping[str, str]) -> Launch:
    path = os.pathsep.join(part for part in (_ROOT, os.environ.get("PYTHONPATH")) if part)
    environment = {
        "PYTHONPATH": path,
        "NETTAILOR_DATA_DIR": str(folder / name),
        "NETTAILOR_PORT": "{port}",
        "NETTAILOR_LOG_LEVEL": "warning",
    }
    return Launch(
        name=name, command=[sys.executable, "-m", module], ready="/readyz", environment={**environment, **shared}
    )


def figures(followed: Sequence[float], speeds: Values) -> dict[str, Any]:
    ratios = {
        f"{way}_vs_{other}".replace(", ", "_").replace(" ", "_"): paired_ratio(speeds[way], speeds[other])
        for way in ("publish", "fetch", "publish, library", "fetch, library")
        for other in ("copy", "durable copy")
    }
    return {
        "follow_ms_p50": round(statistics.median(followed), 1),
        "follow_ms_max": round(max(followed), 1),
        **{key: round(ratio.median, 4) for key, ratio in ratios.items()},
        "intervals": {key: [round(ratio.low, 4), round(ratio.high, 4)] for key, ratio in ratios.items()},
        "mib_per_second": {way: round(over_rounds(values).median / _MIB, 2) for way, values in speeds.items()},
    }


def table(found: Mapping[str, Any]) -> list[str]:
    verdict = "met" if found["follow_ms_max"] < GOAL_MS else "MISSED"
    lines = [
        f"two servers answer with a promoted version after {found['follow_ms_p50']:.0f} ms (median), "
        f"{found['follow_ms_max']:.0f} ms (longest of {2 * found['promotes']}); goal < {GOAL_MS:.0f}: {verdict}",
        f"bundles of {found['bundle_bytes'] / 1024:.0f} KiB",
    ]
    lines += [f"  {way:18} {speed:10.1f} MiB/s" for way, speed in found["mib_per_second"].items()]
    for key, (low, high) in found["intervals"].items():
        lines.append(f"  {key:32} {found[key]:8.3f} ({low:.3f} to {high:.3f})")
    return lines


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--promotes", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--bundles", type=int, default=20, help="of every way in a round")
    parser.add_argument("--json", action="store_true", help="only the line of JSON on stdout; the table on stderr")
    args = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="registry-") as folder:
        found = measured(Path(folder), args)
    print("\n".join(table(found)), file=sys.stderr if args.json else sys.stdout)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
