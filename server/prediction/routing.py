"""Routing: which bundle answers for task@alias now.

A name is moved in this order, so that traffic never meets a bundle that is not ready: fetch and verify -> make ready
-> flip the name -> release the old bundle once nobody uses it.
"""

import logging
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic

from registry.errors import AliasUnknown, RecordCorrupt, TaskUnknown, VersionUnknown
from registry.journal.records import VersionRecord
from registry.registry import LIVE, Registry
from server.errors import BackboneNotHere, BundleWithoutBackbone
from server.prediction.target import Target
from server.residency.backbones import Backbones
from server.residency.residency import Lease, Residency
from server.residency.tiers import BundleId, D, H

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, eq=False)
class ResolvedVersion(Generic[D]):
    """The version a request resolved to, and the right to run it."""

    record: VersionRecord
    lease: Lease[D]


@dataclass(frozen=True, kw_only=True, eq=False)
class Servable:
    """A version, and the bundle that serves it."""

    record: VersionRecord
    id: BundleId


@dataclass(kw_only=True, eq=False)
class Routing(Generic[H, D]):
    """Thread-safe. `resolve` never blocks; what asks the registry says so."""

    registry: Registry
    residency: Residency[H, D]
    backbones: Backbones[Any]
    pinned_tasks: frozenset[str] = frozenset()
    task_gone: Callable[[str], None] = lambda _: None
    remembered: int = 256  # records of versions that no name leads to; the others are asked for again
    is_int8: Callable[[VersionRecord], bool] = lambda _: False  # whether it is served so; may raise `IndexUnavailable`

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        # What the registry said first is applied first: two readers may not overtake each other. Taken before _lock.
        self._reading = threading.Lock()
        self._table: dict[str, dict[str, Servable]] = {}  # task -> alias -> what answers
        self._wanted: dict[tuple[str, str], Servable] = {}  # what is to answer once it is ready
        self._versions: dict[tuple[str, int], Servable] = {}  # the longest unasked first
        self._unread: dict[tuple[str, str], RecordCorrupt] = {}  # names of which the registry cannot say what they mean
        self._loaded: set[tuple[str, str]] = set()  # names whose bundles are to stay on the device, as `load` was told
        self._synchronised = threading.Event()

    def read_everything(self) -> None:
        """Bring backbones and every name to what the registry says. Raises `IndexUnavailable`.

        A task of which the registry cannot read a record goes on as it is known here.
        """
        self.read_backbones()
        with self._reading:
            tasks = {state.task: state for state in self.registry.tasks()}
            for task, state in tasks.items():
                try:
                    state.check_read()
                    self._apply(task, state.aliases)
                except VersionUnknown:
                    logger.info("task %s changed while it was read", task)  # and its change is still to come
                except RecordCorrupt as fault:
                    logger.warning("task %s goes on as it was: %s", task, fault, extra={"task": task})
            for task in set(self.tasks()) - set(tasks):
                self._forget_task(task)
            self._read_unnamed()
        self._synchronised.set()

    def read_backbones(self) -> None:
        """Bring the list of backbones to what the registry says. Raises `IndexUnavailable`."""
        try:
            self.backbones.update(self.registry.backbones.all())
        except RecordCorrupt as fault:
            logger.warning("the backbones go on as they were: %s", fault)

    def wait_synchronised(self, timeout_s: float) -> bool:
        """Whether the registry has been read once."""
        return self._synchronised.wait(timeout_s)

    @property
    def synchronised(self) -> bool:
        return self._synchronised.is_set()

    def tasks(self) -> list[str]:
        with self._lock:
            return sorted(self._table)

    def knows(self, task: str) -> bool:
        with self._lock:
            return task in self._table

    def resolve(self, target: Target) -> ResolvedVersion[D]:
        """What answers for a target: resolved and counted in one step.

        Raises `TaskUnknown`, `AliasUnknown`, `VersionUnknown`, `RecordCorrupt`, `BundleWithoutBackbone`.
        """
        with self._lock:
            return self._lease(self._named(target) if target.version is None else self._numbered(target))

    def record(self, target: Target) -> VersionRecord:
        """What would answer for a target. Raises what `resolve` raises."""
        with self._lock:
            return self._usable(self._named(target) if target.version is None else self._numbered(target)).record

    def load(self, target: Target) -> ResolvedVersion[D]:
        """Keep on the device whatever a name leads to, from now on. Raises what `resolve` raises."""
        with self._lock:
            resolved = self._lease(self._named(target))
            self._loaded.add((target.task, target.alias))
            self.residency.pin(resolved.lease.id)
        return resolved

    def unload(self, target: Target) -> None:
        """Take what a name leads to off the device as soon as nobody uses it, unless another name keeps it there.

        Raises `TaskUnknown`, `AliasUnknown`, `RecordCorrupt`.
        """
        with self._lock:
            id = self._named(target).id
            self._loaded.discard((target.task, target.alias))
            if not any(self._is_pinned(target.task, alias) for alias in self._names_of(id) - {target.alias}):
                self.residency.retire(id)

    def _named(self, target: Target) -> Servable:
        aliases = self._table.get(target.task)
        if aliases is None:
            raise TaskUnknown(target.task)
        if target.alias not in aliases:
            raise self._unread.get((target.task, target.alias)) or AliasUnknown(target.task, target.alias)
        return aliases[target.alias]

    def _numbered(self, target: Target) -> Servable:
        task, version = target.task, target.version
        assert version is not None
        servable = self._versions.pop((task, version), None)
        if servable is None:
            raise VersionUnknown(task, version) if task in self._table else TaskUnknown(task)
        self._versions[task, version] = servable  # last: the longest unasked are forgotten first
        return servable

    def _usable(self, servable: Servable) -> Servable:
        record = servable.record
        needed = record.manifest.backbone
        if not self.backbones.knows(needed.fingerprint):
            fault = BackboneNotHere(needed.id, needed.fingerprint)
            raise BundleWithoutBackbone(record.task, record.version, str(fault))
        return servable

    def _lease(self, servable: Servable) -> ResolvedVersion[D]:
        return ResolvedVersion(record=servable.record, lease=self.residency.acquire(self._usable(servable).id))

    def look_up(self, task: str, version: int | None = None) -> None:
        """Ask the registry about a name that is not known here (yet).

        Raises `TaskUnknown`, `VersionUnknown`, `RecordCorrupt`, `IndexUnavailable`.
        """
        if version is None:
            self.refresh(task)
            return
        with self._reading:  # or a version deleted meanwhile would be kept
            servable = self._servable(self.registry.version_record(task, version))
            with self._lock:
                self._remember(servable)

    def refresh(self, task: str) -> None:
        """Bring one task's names to what the registry says.

        Raises `TaskUnknown`, `RecordCorrupt`, `IndexUnavailable`.
        """
        with self._reading:
            try:
                aliases = self.registry.task(task).aliases
            except TaskUnknown:
                self._forget_task(task)
                raise
            self._apply(task, aliases)
            self._read_unnamed(task)

    def _apply(self, task: str, aliases: Mapping[str, int]) -> None:
        """Bring one task's names to what the registry says; one whose version it cannot read stays what it is."""
        servables: dict[str, Servable] = {}
        unread: dict[tuple[str, str], RecordCorrupt] = {}
        for alias, version in aliases.items():
            try:
                servables[alias] = self._read(task, version)
            except RecordCorrupt as fault:
                unread[task, alias] = fault
                logger.warning("%s@%s stays what it is: %s", task, alias, fault, extra={"task": task})
        with self._lock:
            known = self._table.setdefault(task, {})
            dropped = [(alias, known.pop(alias)) for alias in set(known) - set(aliases)]
            for alias in [alias for t, alias in self._wanted if t == task and alias not in aliases]:
                del self._wanted[task, alias]
            self._unread = {name: fault for name, fault in self._unread.items() if name[0] != task} | unread
            for alias, servable in dropped:
                self._release(alias, servable)
                self._loaded.discard((task, alias))
        for alias, servable in servables.items():
            self._want(task, alias, servable)

    def _read(self, task: str, version: int) -> Servable:
        with self._lock:
            known = self._versions.get((task, version))
        servable = self._servable(self.registry.version_record(task, version) if known is None else known.record)
        if known is not None and known.id == servable.id:
            return known  # as nearly always: what `_remember` does would cost the square of the number of tasks
        with self._lock:
            self._remember(servable)
        return servable

    def _read_unnamed(self, only: str | None = None) -> None:
        """Of versions that no name leads to, of a task or of all: what the task's policy says now."""
        with self._lock:
            unnamed = [(task, version) for task, version in self._unnamed() if only in (None, task)]
        for task, version in unnamed:
            try:
                self._read(task, version)
            except RecordCorrupt as fault:
                logger.warning("version %s of %s stays what it is: %s", version, task, fault, extra={"task": task})

    def _servable(self, record: VersionRecord) -> Servable:
        """By the policy that the task has now."""
        int8 = self.is_int8(record)
        id = BundleId(task=record.task, version=record.version, digest=record.digest, int8=int8)
        return Servable(record=record, id=id)

    def _remember(self, servable: Servable) -> None:
        """Within the lock. A record holds its whole manifest: a task that is tailored daily must not fill the memory
        with all that it ever was."""
        self._versions[servable.id.task, servable.id.version] = servable
        if len(self._versions) <= self.remembered:
            return
        for key in self._unnamed()[: -self.remembered]:
            del self._versions[key]

    def _unnamed(self) -> list[tuple[str, int]]:
        """Task and version of what is remembered though no name leads to it; within the lock."""
        answering = [servable for aliases in self._table.values() for servable in aliases.values()]
        named = {(s.id.task, s.id.version) for s in (*answering, *self._wanted.values())}
        return [key for key in self._versions if key not in named]

    def _want(self, task: str, alias: str, servable: Servable) -> None:
        with self._lock:
            current = self._table.get(task, {}).get(alias)
            if current is not None and current.id == servable.id:
                self._wanted.pop((task, alias), None)
                return
            wanted = self._wanted.get((task, alias))
            if wanted is not None and wanted.id == servable.id:
                return  # on its way
            self._wanted[task, alias] = servable
        first = current is None
        if first:
            self._flip(task, alias, servable)  # nobody is answered by anything else yet
        if not first or self._is_pinned(task, alias) or self.synchronised:
            lease = self.residency.acquire(servable.id)
            lease.ready.add_done_callback(partial(self._prepared, task, alias, servable, lease))

    def _prepared(self, task: str, alias: str, servable: Servable, lease: Lease[D], ready: "Future[D]") -> None:
        failure = ready.exception()
        if failure is None:
            self._flip(task, alias, servable)
        else:
            version = servable.id.version
            about = {"task": task, "version": version}
            logger.warning("version %s of %s cannot take over %s: %s", version, task, alias, failure, extra=about)
            with self._lock:  # so that the next reconcile tries again
                if self._wanted.get((task, alias)) is servable:
                    del self._wanted[task, alias]
        lease.release()

    def _flip(self, task: str, alias: str, servable: Servable) -> None:
        """Let a version answer from now on, unless something newer is wanted by now; then release the old one."""
        with self._lock:
            if self._wanted.get((task, alias)) is not servable or task not in self._table:
                return
            del self._wanted[task, alias]
            old = self._table[task].get(alias)
            self._table[task][alias] = servable
            # Within the lock, or a flip that overtakes this one would be undone in part.
            if self._is_pinned(task, alias):
                self.residency.pin(servable.id)
            if old is not None:
                self._release(alias, old)
        about = {"task": task, "version": servable.id.version}
        precision = ", in int8" if servable.id.int8 else ""
        logger.info("%s@%s is version %s%s", task, alias, servable.id.version, precision, extra=about)

    def _is_pinned(self, task: str, alias: str) -> bool:
        return (task, alias) in self._loaded or (alias == LIVE and task in self.pinned_tasks)

    def _release(self, alias: str, servable: Servable) -> None:
        """Let go of a version that an alias named until now, if no other name leads to it; within the lock."""
        id = servable.id
        names = self._names_of(id)
        if self._is_pinned(id.task, alias) and not any(self._is_pinned(id.task, name) for name in names):
            self.residency.unpin(id)
        if not names:
            self.residency.retire(id)

    def _names_of(self, id: BundleId) -> set[str]:
        """The aliases that lead to a bundle; within the lock."""
        return {alias for alias, servable in self._table.get(id.task, {}).items() if servable.id == id}

    def forget_version(self, task: str, version: int) -> None:
        """The version was deleted: no name leads to it."""
        with self._reading, self._lock:
            self._versions.pop((task, version), None)
        self.residency.forget(task, version)

    def _forget_task(self, task: str) -> None:
        with self._lock:
            known = self._table.pop(task, None)
            for key in [key for key in self._wanted if key[0] == task]:
                del self._wanted[key]
            for name in [name for name in self._versions if name[0] == task]:
                del self._versions[name]
            self._loaded = {name for name in self._loaded if name[0] != task}
            self._unread = {name: fault for name, fault in self._unread.items() if name[0] != task}
        self.residency.forget(task)
        if known is not None:
            self.task_gone(task)
