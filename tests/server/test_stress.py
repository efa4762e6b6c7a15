"""Everything at once on real threads: requests, publishes, promotes, rollbacks, deletions and evictions, with room for
hardly anything. Every bundle answers with a class that names its task and version, whatever the image shows, so an
answer by another task or version than it claims cannot go unnoticed."""

import contextlib
import random
import threading
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import httpx
import numpy as np
import pytest

import server.service
from nettailor.bundle.bundle import encode
from registry.errors import NothingToRollBack, VersionInUse
from registry.registry import LIVE, Registry
from server.residency.tiers import Budgets, Tier
from server.settings import ServerSettings
from tests.bundles import random_manifest, random_tensors
from tests.server.asking import FILES
from tests.server.oracle import fingerprint
from tests.server.running import Running, running
from tests.waiting import until

TASKS = ("apples", "birds", "cars", "dogs", "eggs")
DEVICE_BYTES, HOST_BYTES, DISK_BYTES = 1_200_000, 700_000, 3_000_000  # a bundle has 150 to 650 KB
CLASSES = 150
_ALIASES = (LIVE, "candidate")


def _index(task: str, version: int) -> int:
    """The class that a version answers with; different for any two that could be mistaken for each other."""
    return (TASKS.index(task) + len(TASKS) * version) % CLASSES


def _label(task: str, version: int) -> str:
    return f"{task} {version} {_index(task, version)}"


def make_telling(task: str, version: int) -> bytes:
    """A bundle whose classifier looks at nothing."""
    manifest = random_manifest(
        task=task,
        fingerprint=fingerprint(),
        classes=CLASSES + TASKS.index(task),  # heads differ in size
        statistics="task" if version % 2 else "frozen",
        seed=100 * version + TASKS.index(task),
    )
    classes = [f"{task} {version} {index}" for index in range(len(manifest.classes))]
    manifest = manifest.model_copy(update={"classes": tuple(classes)})
    tensors = random_tensors(manifest, seed=version)
    tensors["head.weight"] = np.zeros_like(tensors["head.weight"])
    tensors["head.bias"] = np.where(np.arange(len(classes)) == _index(task, version), 40, 0).astype(np.float32)
    return encode(manifest, tensors)


class Publisher:
    """Owns the versions of some tasks, and writes down what each alias was ever told to name before it tells."""

    def __init__(self, registry: Registry, tasks: tuple[str, ...], chance: random.Random) -> None:
        self._registry, self._tasks, self._chance = registry, tasks, chance
        self.latest = dict.fromkeys(tasks, 0)
        self.named: dict[tuple[str, str], set[int]] = defaultdict(set)
        self.digests: dict[tuple[str, int], str] = {}
        for task in tasks:
            self._publish(task, LIVE)

    def step(self) -> None:
        task = self._chance.choice(self._tasks)
        act: Callable[[str], None] = self._chance.choice(
            [self._publish_live, self._publish_candidate, self._promote, self._roll_back, self._delete]
        )
        act(task)

    def _publish_live(self, task: str) -> None:
        self._publish(task, LIVE)

    def _publish_candidate(self, task: str) -> None:
        self._publish(task, "candidate")

    def _publish(self, task: str, alias: str) -> None:
        self.latest[task] += 1
        record = self._registry.publish(task, make_telling(task, self.latest[task]), actor="test")
        assert record.version == self.latest[task]
        self.digests[task, record.version] = record.digest
        self._point(task, alias, record.version)

    def _point(self, task: str, alias: str, version: int) -> None:
        self.named[task, alias].add(version)
        self._registry.promote(task, alias, version, actor="test", reason="test")

    def _promote(self, task: str) -> None:
        version = self._chance.choice([record.version for record in self._registry.versions(task)])
        self._point(task, self._chance.choice(_ALIASES), version)

    def _roll_back(self, task: str) -> None:
        with contextlib.suppress(NothingToRollBack):
            self._registry.rollback(task, actor="test", reason="test")  # to what it has named before

    def _delete(self, task: str) -> None:
        version = self._chance.choice([record.version for record in self._registry.versions(task)])
        with contextlib.suppress(VersionInUse):
            self._registry.delete_version(task, version, actor="test", reason="test")


class Asker:
    """Asks at random and checks every answer; `codes` counts them."""

    def __init__(self, server: Running, publishers: list[Publisher], chance: random.Random) -> None:
        self._client = httpx.Client(base_url=server.client.base_url, timeout=60, trust_env=False)
        self._chance = chance
        self._owner = {task: publisher for publisher in publishers for task in publisher.latest}
        self.codes: dict[int, int] = defaultdict(int)
        self.tiers: set[str] = set()

    def step(self) -> None:
        kind = self._chance.choice([self._ask_alias, self._ask_alias, self._ask_version, self._ask_many])
        kind()

    def close(self) -> None:
        self._client.close()

    def _post(self, path: str, *, unknown_is_fine: bool) -> Any:
        options: dict[str, int] = {"priority": self._chance.randint(-5, 5)}
        hasty = self._chance.random() < 0.05
        if hasty:
            options["timeout_ms"] = self._chance.randint(1, 30)
        separator = "&" if "?" in path else "?"
        query = "&".join(f"{name}={value}" for name, value in options.items())
        answer = self._client.post(f"{path}{separator}{query}", content=self._chance.choice(FILES))
        self.codes[answer.status_code] += 1
        allowed = {200} | ({408, 504} if hasty else set()) | ({404} if unknown_is_fine else set())
        assert answer.status_code in allowed, f"{path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.status_code == 200 else None

    def _ask_alias(self) -> None:
        task, alias = self._chance.choice(TASKS), self._chance.choice(_ALIASES)
        found = self._post(f"/tasks/{task}@{alias}/predict", unknown_is_fine=alias != LIVE)
        if found is not None:
            self._check(found, task)
            assert found["version"] in self._owner[task].named[task, alias]

    def _ask_version(self) -> None:
        task = self._chance.choice(TASKS)
        version = self._chance.randint(1, self._owner[task].latest[task])
        found = self._post(f"/tasks/{task}/versions/{version}/predict", unknown_is_fine=True)
        if found is not None:
            self._check(found, task)
            assert found["version"] == version

    def _ask_many(self) -> None:
        tasks = self._chance.sample(TASKS, self._chance.randint(2, len(TASKS)))
        found = self._post(f"/predict?tasks={','.join(tasks)}", unknown_is_fine=False)
        if found is not None:
            for task, result in zip(tasks, found["results"], strict=True):
                self._check(result, task)
                assert result["version"] in self._owner[task].named[task, LIVE]

    def _check(self, found: Any, task: str) -> None:
        """The adapter that ran (index), the names it was given (label), and what the answer claims are of one kind."""
        best, version = found["predictions"][0][0], found["version"]
        assert found["task"] == task
        assert (best["index"], best["label"]) == (_index(task, version), _label(task, version))
        assert found["digest"] == self._owner[task].digests[task, version]
        assert best["probability"] > 0.999
        self.tiers.add(found["tier"])


class Evictor:
    """Takes bundles off the device and out of their files at random."""

    def __init__(self, server: Running, chance: random.Random) -> None:
        self._residency, self._chance = server.service.parts.residency, chance

    def step(self) -> None:
        rows = self._residency.table()
        if rows:
            row = self._chance.choice(rows)
            if self._chance.random() < 0.5:
                self._residency.retire(row.id)
            else:
                self._residency.forget(row.id.task, row.id.version)
        threading.Event().wait(0.01)  # it would do nothing else all day


def _run(steps: dict[Callable[[], None], int | None]) -> None:
    """Each in a thread: so many times, or (None) for as long as the others run. Raises what the first raised."""
    failures: list[BaseException] = []
    over = threading.Event()

    def repeat(step: Callable[[], None], times: int | None) -> None:
        done = 0
        try:
            while not over.is_set() and (times is None or done < times):
                step()
                done += 1
        except BaseException as failure:  # carried to the test's own thread
            failures.append(failure)
            over.set()

    threads = {threading.Thread(target=repeat, args=item): item[1] for item in steps.items()}
    for thread in threads:
        thread.start()
    for thread in [thread for thread, times in threads.items() if times is not None]:
        thread.join()
    over.set()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


@pytest.mark.nightly  # by day test_sixteen_tasks asks in threads while versions come and bundles go
@pytest.mark.parametrize(("seed", "requests", "publishes"), [(1, 80, 15), (2, 4000, 100), (3, 4000, 100)])
def test_no_answer_is_another_s(  # noqa: PLR0917  # pytest passes them by name
    server_settings: ServerSettings,
    registry: Registry,
    monkeypatch: pytest.MonkeyPatch,
    seed: int,
    requests: int,
    publishes: int,
) -> None:
    budgets = Budgets(device_bytes=DEVICE_BYTES, host_bytes=HOST_BYTES)
    monkeypatch.setattr(server.service, "_budgets", lambda settings, device: budgets)  # a host tier on CPU too
    tight = server_settings.model_copy(update={"disk_budget_bytes": DISK_BYTES, "pinned_tasks": frozenset({"eggs"})})
    publishers = [Publisher(registry, part, random.Random(seed)) for part in (TASKS[:3], TASKS[3:])]
    with running(tight, registry) as house:
        askers = [Asker(house, publishers, random.Random(100 * seed + number)) for number in range(4)]
        steps: dict[Callable[[], None], int | None] = {asker.step: requests for asker in askers}
        steps |= {publisher.step: publishes for publisher in publishers}
        steps[Evictor(house, random.Random(seed)).step] = None
        try:
            _run(steps)
            _check_rest(house, registry)
        finally:
            for asker in askers:
                asker.close()
    assert sum(asker.codes[200] for asker in askers) > requests
    tiers = set().union(*(asker.tiers for asker in askers))
    assert tiers > {Tier.DEVICE} if requests < 1000 else tiers == set(Tier)


def _check_rest(house: Running, registry: Registry) -> None:
    """When all is quiet: the registry's last word answers, nothing is held, and the budgets hold."""
    for record in registry.tasks():
        wanted = record.aliases[LIVE]
        until(lambda task=record.task, version=wanted: _live(house, task) == version)  # type: ignore[misc]  # mypy infers no defaults
    parts = house.service.parts
    residency = parts.residency
    assert house.service.metrics.evictions.labels(Tier.DEVICE)._value.get() > 0
    until(lambda: not any(row.users for row in residency.table()))
    assert parts.admission.under_way == parts.scheduler.depth == house.service.under_way == 0
    table = residency.table()
    on_device = {row.id for row in table if row.tier is Tier.DEVICE}
    assert set(residency._entries) == on_device
    assert sum(row.size_bytes for row in table if row.tier is Tier.DEVICE and not row.pinned) <= DEVICE_BYTES
    assert sum(row.size_bytes for row in table if row.tier is Tier.HOST) <= HOST_BYTES
    assert residency.disk.size_bytes <= DISK_BYTES
    files = list(house.service.settings.cache_folder.iterdir())
    assert sum(path.stat().st_size for path in files) == residency.disk.size_bytes
    assert {(id.task, id.version) for id in residency._pinned} <= {("eggs", registry.task("eggs").aliases[LIVE])}


def _live(house: Running, task: str) -> int:
    return int(house.client.post(f"/tasks/{task}/predict", content=FILES[0]).json()["version"])
