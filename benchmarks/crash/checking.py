"""What must hold after every kill, once the victim is back."""

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import redis

from benchmarks.crash.journal import Journal
from registry.errors import BlobCorrupt, BlobMissing
from registry.journal.records import AliasMoved, Records
from registry.registry import Registry
from registry.storage.blobs import Blobs

PREFIX = "nettailor:registry:"
_SETTLE_S = 10.0  # how long the service may take to fold in what was written while Redis was away
_POLL_S = 0.05


@dataclass(frozen=True, kw_only=True)
class Fault:
    kind: str  # "lost_publishes", "lost_moves", "bad_aliases" or "rebuild_differences"
    what: str


def settle(registry: Registry) -> None:
    """Wait until the index has every record: nobody reconciles by hand. What then still lacks is a difference."""
    records = Records(registry.blobs.store)
    deadline = time.monotonic() + _SETTLE_S
    while time.monotonic() < deadline:
        if not any(records.read(task, registry.index.state(task).sequence + 1) for task in records.tasks()):
            return
        time.sleep(_POLL_S)  # another process is at it, which tells nobody


def faults(registry: Registry, client: "redis.Redis", fresh: "redis.Redis", journal: Journal) -> Iterator[Fault]:
    """Nobody may be writing. `fresh` is another Redis, which is emptied first."""
    sound = _Sound(registry.blobs)
    yield from _lost_publishes(registry, journal, sound)
    yield from _lost_moves(registry, journal)
    yield from _bad_aliases(registry, sound)
    fresh.flushall()
    for fault in Registry(Blobs(registry.blobs.store.url), fresh).rebuild().left_out:
        yield Fault(kind="rebuild_differences", what=str(fault))
    yield from differences(snapshot(client), snapshot(fresh))


def differences(index: dict[str, Any], rebuilt: dict[str, Any]) -> Iterator[Fault]:
    for key in sorted(index.keys() | rebuilt.keys()):
        if index.get(key) != rebuilt.get(key):
            yield Fault(
                kind="rebuild_differences", what=f"{key}: {index.get(key)!r:.200}, not {rebuilt.get(key)!r:.200}"
            )


def snapshot(client: Any, prefix: str = PREFIX) -> dict[str, Any]:
    """Everything under a prefix but streams, which tell followers what changed and are not rebuilt."""
    readers = {
        b"string": client.get,
        b"hash": client.hgetall,
        b"set": client.smembers,
        b"list": lambda key: client.lrange(key, 0, -1),
        b"zset": lambda key: client.zrange(key, 0, -1, withscores=True),
    }
    kinds = {key: client.type(key) for key in client.scan_iter(match=f"{prefix}*", count=1000)}
    return {key.decode(): readers[kind](key) for key, kind in kinds.items() if kind != b"stream"}


class _Sound:
    """Whether a blob is there with the bytes its name promises; each is read once."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs
        self._known: dict[str, bool] = {}

    def __call__(self, digest: str) -> bool:
        if digest not in self._known:
            try:
                self._blobs.verify(digest)
                self._known[digest] = True
            except (BlobMissing, BlobCorrupt):
                self._known[digest] = False
        return self._known[digest]


def _lost_publishes(registry: Registry, journal: Journal, sound: _Sound) -> Iterator[Fault]:
    tasks = {task for task, _ in journal.publishes}
    kept = {(r.task, r.version): r.digest for task in tasks for r in registry.index.all_published(task)}
    for (task, version), digest in journal.publishes.items():
        if kept.get((task, version)) != digest:
            yield Fault(kind="lost_publishes", what=f"{task} version {version} is not {digest}")
        elif not sound(digest):
            yield Fault(kind="lost_publishes", what=f"the blob of {task} version {version}")
    if journal.contradictions:
        yield Fault(kind="lost_publishes", what=f"{journal.contradictions} numbers acknowledged for two bundles")


def _lost_moves(registry: Registry, journal: Journal) -> Iterator[Fault]:
    """A move that found the alias where it should go made no history."""
    kept = Counter(
        (record.task, record.before, record.after, record.at)
        for task in {move.task for move in journal.moves}
        for record in registry.index.history(task)
        if isinstance(record, AliasMoved)
    )
    for move in journal.moves:
        if move.before != move.version and not kept[move.task, move.before, move.version, move.at]:
            yield Fault(kind="lost_moves", what=f"{move.kind} of {move.task} from {move.before} to {move.version}")


def _bad_aliases(registry: Registry, sound: _Sound) -> Iterator[Fault]:
    for task, state in registry.index.states().items():
        for alias, version in state.aliases.items():
            record = registry.index.published(task, version)
            if record is None or not sound(record.digest):
                yield Fault(kind="bad_aliases", what=f"{task}@{alias} names version {version}")
