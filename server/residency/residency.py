"""Residency: which bundles are in which tier, who uses them, and what goes when room is needed (torch-free).

An id names one immutable bundle for ever, so nothing here is ever updated in place: a new version is a new id.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from typing import Generic

from server.residency.disk import DiskCache
from server.residency.lru import Lru
from server.residency.tiers import Budgets, BundleId, D, H, Loader, Observer, Resident, Tier

logger = logging.getLogger(__name__)


@dataclass(kw_only=True, eq=False)
class _Entry(Generic[D]):
    """An id that is in use, on its way to the device, or there."""

    users: int = 0
    future: "Future[D] | None" = None
    found_in: Tier = Tier.REGISTRY
    ready_at: float = 0.0
    retired: bool = False  # off the device once nobody uses it
    forgotten: bool = False  # a load under way leaves nothing behind in host and disk either


class Lease(Generic[D]):
    """The right to run one bundle. While it is held the bundle stays on the device; `release` exactly once."""

    def __init__(self, residency: "Residency[H, D]", id: BundleId, entry: _Entry[D], *, tier: Tier, asked_at: float):
        assert entry.future is not None
        self.id = id
        self.tier = tier  # where the bundle was when it was asked for
        self.ready: Future[D] = entry.future  # shared with every other lease of this id
        self._residency = residency
        self._entry = entry
        self._asked_at = asked_at
        self._looked_up_at = residency.clock()

    @property
    def switch_s(self) -> float:
        """How many seconds passed from asking for the bundle until it was ready to run."""
        ready_at = self._looked_up_at if self.tier is Tier.DEVICE else self._entry.ready_at
        return max(ready_at, self._looked_up_at) - self._asked_at

    def release(self) -> None:
        # A future keeps its callbacks for good, and they know leases: what leads back to the bundle from there would
        # leave its memory to the cycle collector, long after the bundle had to go.
        del self.ready
        self._residency.release(self.id)


@dataclass(kw_only=True)
class Residency(Generic[H, D]):
    """All methods are thread-safe, and none but the loader's steps blocks: loads run in `executor`."""

    loader: Loader[H, D]
    disk: DiskCache
    budgets: Budgets
    executor: Executor
    observer: Observer
    weights: Mapping[str, float] = field(default_factory=dict)  # by task; 1 if unnamed
    clock: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: dict[BundleId, _Entry[D]] = {}
        self._device: Lru[BundleId, D] = Lru(self.budgets.device_bytes)
        self._host: Lru[BundleId, H] = Lru(self.budgets.host_bytes)
        self._pinned: set[BundleId] = set()

    def acquire(self, id: BundleId) -> Lease[D]:
        """Look up and count in one step; starts a load if the bundle is nowhere on its way to the device."""
        asked_at = self.clock()
        with self._lock:
            entry = self._entries.setdefault(id, _Entry())
            entry.users += 1
            entry.retired = False
            if entry.future is None:
                tier = entry.found_in = self._find(id)
                future = entry.future = Future()
                # Nobody may cancel it: the waiters share it.
                future.set_running_or_notify_cancel()
                start = True
            else:
                start = False
                tier = Tier.DEVICE if self._device.get(id) is not None else entry.found_in
            lease = Lease(self, id, entry, tier=tier, asked_at=asked_at)
        self.observer.looked_up(tier)
        if start:
            self._start(id, entry, future)
        return lease

    def release(self, id: BundleId) -> None:
        with self._lock:
            entry = self._entries[id]
            assert entry.users > 0, f"{id} released more often than acquired"
            entry.users -= 1
            self._settle(id, entry)

    def retire(self, id: BundleId) -> None:
        """Take a bundle off the device as soon as nobody uses it; the host and disk tiers keep it for a rollback."""
        with self._lock:
            self._pinned.discard(id)
            entry = self._entries.get(id)
            if entry is not None:
                entry.retired = True
                self._settle(id, entry)

    def forget(self, task: str, version: int | None = None) -> None:
        """Take a deleted version, or without one every version of the task, out of all tiers once nobody uses it."""

        def is_gone(id: BundleId) -> bool:
            return id.task == task and version in (None, id.version)

        with self._lock:
            gone = {id for id in (*self._entries, *self._host, *self._pinned) if is_gone(id)}
            for id in gone & self._entries.keys():
                if self._entries[id].future is not None and id not in self._device:
                    self._entries[id].forgotten = True
        # After the loads were told, or one that ends in between would leave its file. Without the lock: there may be
        # very many files, and whoever asks about a task that does not exist comes here.
        gone.update(id for id in self.disk.ids() if is_gone(id))
        for id in gone:
            self.retire(id)
            self._purge(id)

    def pin(self, id: BundleId) -> None:
        """Keep a bundle on the device once it is there."""
        with self._lock:
            self._pinned.add(id)

    def unpin(self, id: BundleId) -> None:
        """Let a pinned bundle go again when room is needed."""
        with self._lock:
            self._pinned.discard(id)
            self._shrink_device()

    def table(self) -> list[Resident]:
        """What is on the device and in the host tier now."""
        with self._lock:
            return [
                Resident(
                    id=id,
                    tier=tier,
                    size_bytes=lru.size_of(id),
                    users=self._entries[id].users if tier is Tier.DEVICE else 0,
                    pinned=tier is Tier.DEVICE and id in self._pinned,
                )
                for tier, lru in ((Tier.DEVICE, self._device), (Tier.HOST, self._host))
                for id in lru
            ]

    def _find(self, id: BundleId) -> Tier:
        if id in self._host:
            return Tier.HOST
        return Tier.DISK if id in self.disk else Tier.REGISTRY

    def _start(self, id: BundleId, entry: _Entry[D], future: "Future[D]") -> None:
        try:
            self.executor.submit(self._load, id, entry, future)
        except RuntimeError as failure:  # the executor is shut down
            self._failed(id, entry, future, failure)

    def _failed(self, id: BundleId, entry: _Entry[D], future: "Future[D]", failure: BaseException) -> None:
        with self._lock:
            entry.future = None
            self._settle(id, entry)
        self.observer.load_failed(failure)
        future.set_exception(failure)

    def _load(self, id: BundleId, entry: _Entry[D], future: "Future[D]") -> None:
        try:
            ready = self.loader.pack(self._in_host(id))
        except BaseException as failure:  # whatever it was, it is the answer of everybody who waits
            self._purge_if_forgotten(id, entry)
            self._failed(id, entry, future, failure)
            return
        self._purge_if_forgotten(id, entry)
        with self._lock:
            weight = self.weights.get(id.task, 1.0)
            self._device.put(id, ready, size_bytes=self.loader.device_bytes(ready), weight=weight)
            entry.ready_at = self.clock()
            self._settle(id, entry)
        future.set_result(ready)

    def _purge(self, id: BundleId) -> None:
        with self._lock:
            self._host.remove(id)
        self.disk.remove(id)

    def _purge_if_forgotten(self, id: BundleId, entry: _Entry[D]) -> None:
        """At the end of a load; the flag is of that load only, a later one of the same id starts afresh."""
        with self._lock:
            forgotten, entry.forgotten = entry.forgotten, False
        if forgotten:
            self._purge(id)

    def _in_host(self, id: BundleId) -> H:
        with self._lock:
            bundle = self._host.get(id)
        if bundle is not None:
            return bundle
        bundle = self._from_disk(id)
        if bundle is None:
            bundle = self.loader.fetch(id)
            for _ in self.disk.write(id, self.loader.to_disk(bundle)):
                self.observer.evicted(Tier.DISK)
        if self.budgets.host_bytes:
            self._keep_in_host(id, bundle)
        return bundle

    def _from_disk(self, id: BundleId) -> H | None:
        data = self.disk.read(id)
        try:
            return None if data is None else self.loader.from_disk(data)
        except (ValueError, LookupError, TypeError) as failure:  # spoilt since it was verified: fetched anew
            logger.warning("cached bundle %s cannot be used: %s", id.digest, failure, extra=_about(id))
            self.disk.remove(id)
            return None

    def _keep_in_host(self, id: BundleId, bundle: H) -> None:
        with self._lock:
            weight = self.weights.get(id.task, 1.0)
            self._host.put(id, bundle, size_bytes=self.loader.host_bytes(bundle), weight=weight)
            for _ in self._host.shrink():
                self.observer.evicted(Tier.HOST)

    def _settle(self, id: BundleId, entry: _Entry[D]) -> None:
        """Bring the table to rest after a change of `entry`: drop what is retired or idle and beyond the budget."""
        if entry.users == 0 and entry.retired and id in self._device:
            self._device.remove(id)
            entry.future = None
        self._shrink_device()
        if entry.users == 0 and entry.future is None:
            self._entries.pop(id, None)

    def _shrink_device(self) -> None:
        for gone, _ in self._device.shrink(lambda key: self._entries[key].users == 0 and key not in self._pinned):
            self._entries.pop(gone).future = None  # leases that were released still know the entry
            self.observer.evicted(Tier.DEVICE)


def _about(id: BundleId) -> dict[str, object]:
    """What a log record about a bundle carries."""
    return {"task": id.task, "version": id.version}
