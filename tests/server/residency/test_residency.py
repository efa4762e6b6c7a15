"""The residency table after every step, against a plain model; and what threads may do to it."""

import hashlib
import shutil
import tempfile
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from server.residency.disk import DiskCache
from server.residency.residency import Lease, Residency
from server.residency.tiers import Budgets, BundleId, Bytes, Tier

IDS = [BundleId(task=f"task{i % 3}", version=1 + i // 3, digest=f"sha256:{i:064x}") for i in range(6)]
SIZES = {id: 10 * (1 + index % 3) for index, id in enumerate(IDS)}  # bytes on the device and in the host tier
FILES = {id: 64 + size for id, size in SIZES.items()}
DEVICE, HOST, DISK = 40, 50, 260  # budgets

Ready = tuple[str, BundleId]


class FakeLoader:
    """Bundles are texts of one letter, which names their id; `broken` ids fail to be fetched."""

    def __init__(self) -> None:
        self.broken: set[BundleId] = set()
        self.fetches: list[BundleId] = []

    def fetch(self, id: BundleId) -> str:
        self.fetches.append(id)
        if id in self.broken:
            raise LookupError(id)
        return id.digest[-1] * SIZES[id]

    def to_disk(self, bundle: str) -> Bytes:
        return np.frombuffer(bundle.encode(), np.uint8)

    def from_disk(self, data: Bytes) -> str:
        text = data.tobytes().decode()
        if "!" in text:
            raise ValueError("spoilt")
        return text

    def pack(self, bundle: str) -> Ready:
        [id] = [id for id in IDS if id.digest[-1] == bundle[0]]
        assert len(bundle) == SIZES[id]
        return bundle, id

    def host_bytes(self, bundle: str) -> int:
        return len(bundle)

    def device_bytes(self, ready: Ready) -> int:
        return len(ready[0])


class Tally:
    """A residency observer."""

    def __init__(self) -> None:
        self.lookups: list[Tier] = []
        self.evictions: list[Tier] = []
        self.failures = 0

    def looked_up(self, tier: Tier) -> None:
        self.lookups.append(tier)

    def evicted(self, tier: Tier) -> None:
        self.evictions.append(tier)

    def load_failed(self, failure: BaseException) -> None:
        self.failures += 1


class ByHand(Executor):
    """Runs nothing until told to."""

    def __init__(self) -> None:
        self.pending: list[Callable[[], Any]] = []

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        self.pending.append(lambda: fn(*args, **kwargs))
        return Future()


class PlainShelf:
    """Least recently used first."""

    def __init__(self, budget: int, sizes: Mapping[BundleId, int] = SIZES) -> None:
        self.budget, self.sizes = budget, sizes
        self.order: list[BundleId] = []

    def touch(self, id: BundleId) -> None:
        if id in self.order:
            self.order.remove(id)
        self.order.append(id)

    def drop(self, id: BundleId) -> None:
        if id in self.order:
            self.order.remove(id)

    def shrink(self, may_go: Callable[[BundleId], bool]) -> None:
        for id in list(self.order):
            if sum(self.sizes[i] for i in self.order) > self.budget and may_go(id):
                self.order.remove(id)


class ResidencyMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.loader, self.executor, self.tally = FakeLoader(), ByHand(), Tally()
        disk = DiskCache(self.folder, budget_bytes=DISK)
        disk.open()
        self.residency: Residency[str, Ready] = Residency(
            loader=self.loader,
            disk=disk,
            budgets=Budgets(device_bytes=DEVICE, host_bytes=HOST),
            executor=self.executor,
            observer=self.tally,
        )
        self.leases: list[Lease[Ready]] = []
        self.loading: list[BundleId] = []  # in the executor's order
        self.device, self.host, self.disk = PlainShelf(DEVICE), PlainShelf(HOST), PlainShelf(DISK, FILES)
        self.pinned: set[BundleId] = set()
        self.retired: set[BundleId] = set()
        self.forgotten: set[BundleId] = set()  # while loading

    def teardown(self) -> None:
        shutil.rmtree(self.folder)

    def users(self, id: BundleId) -> int:
        return sum(lease.id == id for lease in self.leases)

    def settle(self, id: BundleId) -> None:
        if not self.users(id) and id in self.retired:
            self.device.drop(id)
        self.device.shrink(lambda i: not self.users(i) and i not in self.pinned)

    @rule(id=st.sampled_from(IDS))
    def acquire(self, id: BundleId) -> None:
        tiers = ((Tier.DEVICE, self.device), (Tier.HOST, self.host), (Tier.DISK, self.disk))
        expected = next((tier for tier, shelf in tiers if id in shelf.order), Tier.REGISTRY)
        lease = self.residency.acquire(id)
        self.leases.append(lease)
        self.retired.discard(id)
        if id in self.device.order:
            self.device.touch(id)
            assert lease.ready.done()
        if id not in self.device.order and id not in self.loading:
            self.loading.append(id)
        elif id in self.loading:
            expected = lease.tier  # where it was when the load began
        assert lease.tier is expected

    @precondition(lambda self: self.loading)
    @rule(choice=st.integers(0, 5), breaks=st.booleans())
    def finish_load(self, choice: int, breaks: bool) -> None:
        index = choice % len(self.loading)
        id = self.loading.pop(index)
        self.loader.broken = {id} if breaks else set()
        self.executor.pending.pop(index)()
        fetched = id not in self.host.order and id not in self.disk.order
        if breaks and fetched:
            assert all(isinstance(lease.ready.exception(0), LookupError) for lease in self.leases if lease.id == id)
        else:
            if id not in self.host.order:
                self.disk.touch(id)
                self.disk.shrink(lambda _: True)
            self.host.touch(id)
            self.host.shrink(lambda _: True)
            self.device.touch(id)
        if id in self.forgotten:
            self.forgotten.discard(id)
            self.host.drop(id)
            self.disk.drop(id)
        self.settle(id)

    @precondition(lambda self: self.leases)
    @rule(choice=st.integers(0, 20))
    def release(self, choice: int) -> None:
        lease = self.leases.pop(choice % len(self.leases))
        lease.release()
        self.settle(lease.id)

    @rule(id=st.sampled_from(IDS))
    def retire(self, id: BundleId) -> None:
        self.residency.retire(id)
        self.pinned.discard(id)
        if id in self.device.order or id in self.loading or self.users(id):
            self.retired.add(id)
            self.settle(id)

    @rule(id=st.sampled_from(IDS))
    def forget(self, id: BundleId) -> None:
        self.residency.forget(id.task, id.version)
        self.forgets(id)

    @rule(task=st.sampled_from(sorted({id.task for id in IDS})))
    def forget_task(self, task: str) -> None:
        self.residency.forget(task)
        for id in IDS:
            if id.task == task:
                self.forgets(id)

    def forgets(self, id: BundleId) -> None:
        known = id in self.device.order or id in self.loading or self.users(id) > 0
        self.host.drop(id)
        self.disk.drop(id)
        self.pinned.discard(id)
        if known:
            self.retired.add(id)
            if id in self.loading:
                self.forgotten.add(id)
            self.settle(id)

    @rule(id=st.sampled_from(IDS))
    def pin(self, id: BundleId) -> None:
        self.residency.pin(id)
        self.pinned.add(id)

    @rule(id=st.sampled_from(IDS))
    def unpin(self, id: BundleId) -> None:
        self.residency.unpin(id)
        self.pinned.discard(id)
        self.device.shrink(lambda i: not self.users(i) and i not in self.pinned)

    @invariant()
    def nothing_is_kept_of_what_is_gone(self) -> None:
        assert set(self.residency._entries) == {*self.device.order, *self.loading, *(lease.id for lease in self.leases)}

    @invariant()
    def the_table_is_the_model_s(self) -> None:
        table = self.residency.table()
        for tier, shelf in ((Tier.DEVICE, self.device), (Tier.HOST, self.host)):
            rows = {row.id: row for row in table if row.tier is tier}
            assert set(rows) == set(shelf.order)
            assert all(row.size_bytes == SIZES[id] for id, row in rows.items())
        on_device = [row for row in table if row.tier is Tier.DEVICE]
        for row in on_device:
            assert (row.users, row.pinned) == (self.users(row.id), row.id in self.pinned)
        idle = [row for row in on_device if not row.users and not row.pinned]
        assert not idle or sum(row.size_bytes for row in on_device) <= DEVICE
        files = {path.name.split(".")[0]: path.stat().st_size for path in self.folder.iterdir()}
        assert files == {id.digest.removeprefix("sha256:"): FILES[id] for id in self.disk.order}

    @invariant()
    def a_lease_runs_what_it_asked_for(self) -> None:
        for lease in self.leases:
            if lease.ready.done() and lease.ready.exception() is None:
                assert lease.ready.result()[1] == lease.id


TestResidency = ResidencyMachine.TestCase
TestResidency.settings = settings(max_examples=100, stateful_step_count=40)


def make(tmp_path: Path, executor: Executor, loader: Any, *, host_bytes: int = HOST) -> Residency[str, Ready]:
    disk = DiskCache(tmp_path / "cache", budget_bytes=1000)
    disk.open()
    budgets = Budgets(device_bytes=DEVICE, host_bytes=host_bytes)
    return Residency(loader=loader, disk=disk, budgets=budgets, executor=executor, observer=Tally())


class SlowLoader(FakeLoader):
    """Fetching the first id takes until `go` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.go = threading.Event()

    def fetch(self, id: BundleId) -> str:
        if id == IDS[0]:
            assert self.go.wait(30)
        return super().fetch(id)


def test_one_load_an_id_and_a_slow_one_blocks_nobody(tmp_path: Path) -> None:
    loader = SlowLoader()
    with ThreadPoolExecutor(2) as pool:
        residency = make(tmp_path, pool, loader)
        slow = [residency.acquire(IDS[0]) for _ in range(5)]
        quick = residency.acquire(IDS[1])
        assert quick.ready.result(30)[1] == IDS[1]
        assert not any(lease.ready.done() for lease in slow)
        loader.go.set()
        assert {lease.ready.result(30) for lease in slow} == {slow[0].ready.result()}
        assert sorted(loader.fetches) == sorted(IDS[:2])
        assert slow[0].switch_s > 0
        assert residency.acquire(IDS[0]).tier is Tier.DEVICE


def test_many_threads_always_get_what_they_asked_for(tmp_path: Path) -> None:
    loader = FakeLoader()
    failures: list[BaseException] = []
    with ThreadPoolExecutor(3) as pool:
        residency = make(tmp_path, pool, loader)

        def hammer(seed: int) -> None:
            try:
                for turn in range(150):
                    id = IDS[int(hashlib.sha256(f"{seed}{turn}".encode()).hexdigest(), 16) % len(IDS)]
                    lease = residency.acquire(id)
                    assert lease.ready.result(30)[1] == id
                    assert any(row.id == id and row.users for row in residency.table() if row.tier is Tier.DEVICE)
                    lease.release()
                    if turn % 10 == 0:
                        residency.retire(id)
                    if turn % 17 == 0:
                        residency.forget(id.task, id.version)
            except BaseException as failure:  # carried to the test's own thread
                failures.append(failure)

        threads = [threading.Thread(target=hammer, args=(seed,)) for seed in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert not failures
    table = residency.table()
    assert not any(row.users for row in table)
    assert sum(row.size_bytes for row in table if row.tier is Tier.DEVICE) <= DEVICE


def test_a_failed_load_is_tried_again(tmp_path: Path) -> None:
    loader = FakeLoader()
    loader.broken = {IDS[0]}
    with ThreadPoolExecutor(1) as pool:
        residency = make(tmp_path, pool, loader)
        first = residency.acquire(IDS[0])
        with pytest.raises(LookupError):
            first.ready.result(30)
        loader.broken = set()
        assert residency.acquire(IDS[0]).ready.result(30)[1] == IDS[0]
        first.release()
    late = residency.acquire(IDS[1])  # the pool is shut down
    assert isinstance(late.ready.exception(), RuntimeError)


def test_a_spoilt_file_is_fetched_anew(tmp_path: Path) -> None:
    loader = FakeLoader()
    with ThreadPoolExecutor(1) as pool:
        residency = make(tmp_path, pool, loader, host_bytes=0)
        residency.disk.write(IDS[0], np.frombuffer(b"!", np.uint8))
        lease = residency.acquire(IDS[0])
        assert lease.ready.result(30)[1] == IDS[0]
        assert loader.fetches == [IDS[0]]


def test_without_a_host_budget_there_is_no_host_tier(tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as pool:
        residency = make(tmp_path, pool, FakeLoader(), host_bytes=0)
        for _ in range(2):
            for id in IDS:
                lease = residency.acquire(id)
                lease.ready.result(30)
                lease.release()
        assert {row.tier for row in residency.table()} == {Tier.DEVICE}
        assert lease.tier is Tier.DISK
        assert isinstance(residency.observer, Tally)
        assert Tier.HOST not in residency.observer.evictions


def test_forgetting_a_load_that_fails_does_not_spoil_the_next_one(tmp_path: Path) -> None:
    loader, executor = FakeLoader(), ByHand()
    residency = make(tmp_path, executor, loader)
    first = residency.acquire(IDS[0])
    residency.forget(IDS[0].task, IDS[0].version)
    loader.broken = {IDS[0]}
    executor.pending.pop()()
    assert isinstance(first.ready.exception(), LookupError)
    loader.broken = set()
    residency.acquire(IDS[0])
    executor.pending.pop()()
    assert {row.tier for row in residency.table()} == {Tier.DEVICE, Tier.HOST}
    assert IDS[0] in residency.disk
