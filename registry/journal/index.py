"""The index in Redis: the records of every task, folded into what can be looked up, and the stream of changes.

Keys, after a common prefix (text throughout; JSON where a value is more than a number or a name):

    tasks              set     of tasks that have a version, or a record that cannot be read
    task:{t}           hash    sequence (of the last record folded in), latest (the highest version number ever given),
                               unread (key and fault of the record after it, if that cannot be read; else missing)
    versions:{t}       hash    version -> its VersionRecord
    digests:{t}        hash    digest -> version
    aliases:{t}        hash    alias -> version
    methods:{t}        hash    version -> its method, of versions that are not NetTailor's
    history:{t}        list    of records, oldest first
    policy:{t}         string  the last PolicySet record
    annotations:{t}    hash    version -> its last VersionAnnotated record
    backbones          hash    name -> its BackboneAdded record; `task` and `history` hold the name BACKBONES, too
    secret:{name}      string  random bytes: `shared_secret`
    changes            stream  kind, task, version, alias
"""

import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from typing import Any, cast

import redis
from redis.exceptions import WatchError

from hosting.redis_server.faults import RedisAway, away
from nettailor.bundle.manifest import Method
from registry.errors import AliasUnknown, IndexUnavailable, RecordCorrupt, TaskUnknown, VersionUnknown
from registry.journal.changes import Change, ChangeStream
from registry.journal.records import (
    BACKBONES,
    AliasMoved,
    BackboneAdded,
    BackboneRemoved,
    PolicySet,
    Record,
    TaskDeleted,
    VersionAnnotated,
    VersionDeleted,
    VersionRecord,
    record_json,
    repeated_record,
)

PREFIX = "nettailor:registry:"  # of every key
_SECRET_BYTES = 32

# Keys that go when a task is deleted.
_OF_VERSIONS = ("versions", "digests", "aliases", "methods", "policy", "annotations")
_PAGE = 16  # records of a history read at once
_BACKBONES_CHANGED = Change(kind="backbones", task=BACKBONES, version=None, alias=None)


@dataclass(frozen=True, kw_only=True)
class TaskState:
    """What the index knows of a task. A task it never heard of has sequence 0."""

    task: str
    sequence: int  # of the last record folded in
    latest: int  # the highest version number ever given
    aliases: dict[str, int]
    versions: frozenset[int]
    methods: Mapping[int, Method]  # of versions that are not NetTailor's
    unread: RecordCorrupt | None = None  # the record after `sequence`, if it cannot be read

    @property
    def exists(self) -> bool:
        return bool(self.versions)

    def method(self, version: int) -> Method:
        return self.methods.get(version, "nettailor")

    def check_read(self) -> None:
        """Raises `RecordCorrupt` if more happened than the index could read, so that the rest may be out of date."""
        if self.unread is not None:
            raise self.unread

    def check_exists(self) -> None:
        """Raises `TaskUnknown`, `RecordCorrupt`."""
        self.check_read()
        if not self.exists:
            raise TaskUnknown(self.task)

    def check_version(self, version: int) -> None:
        """Raises `TaskUnknown`, `VersionUnknown`, `RecordCorrupt`."""
        self.check_exists()
        if version not in self.versions:
            raise VersionUnknown(self.task, version)


@contextmanager
def availability() -> Iterator[None]:
    """Turns Redis being away into `IndexUnavailable`."""
    try:
        with away():
            yield
    except RedisAway as error:
        raise IndexUnavailable(str(error)) from error


class Index:
    """Every method raises `IndexUnavailable` when Redis is away, `RecordCorrupt` for a record that cannot be parsed."""

    def __init__(self, client: "redis.Redis", *, prefix: str = PREFIX) -> None:
        self._redis: Any = client  # redis-py types every answer as "maybe awaitable"
        self._prefix = prefix
        self._changes = ChangeStream(client, self._key("changes"))
        self._resolve = client.register_script(resources.files("registry.journal").joinpath("resolve.lua").read_text())

    def state(self, task: str) -> TaskState:
        """The task's numbers, aliases and versions at one moment."""
        with availability(), self._redis.pipeline(transaction=True) as pipe:
            pipe.hmget(self._key("task", task), "sequence", "latest", "unread")
            pipe.hgetall(self._key("aliases", task))
            pipe.hkeys(self._key("versions", task))
            pipe.hgetall(self._key("methods", task))
            (sequence, latest, unread), aliases, versions, methods = pipe.execute()
        return TaskState(
            task=task,
            sequence=int(sequence or 0),
            latest=int(latest or 0),
            aliases={_text(alias): int(version) for alias, version in aliases.items()},
            versions=frozenset(int(version) for version in versions),
            methods={int(version): cast(Method, _text(method)) for version, method in methods.items()},
            unread=_unread(unread),
        )

    def states(self) -> dict[str, TaskState]:
        """Every task that has a version, or a record that cannot be read, by name."""
        with availability():
            names = sorted({_text(name) for name in self._redis.smembers(self._key("tasks"))} - {BACKBONES})
        states = {name: self.state(name) for name in names}
        return {name: state for name, state in states.items() if state.exists or state.unread}

    def resolve(self, task: str, alias: str) -> VersionRecord:
        """What task@alias names. Raises `TaskUnknown`, `AliasUnknown`."""
        keys = [self._key("aliases", task), self._key("versions", task), self._key("task", task)]
        with availability():
            exists, version, record, unread = cast(Any, self._resolve(keys=keys, args=[alias]))
        if fault := _unread(unread):
            raise fault
        if not exists:
            raise TaskUnknown(task)
        if version is None or record is None:
            raise AliasUnknown(task, alias)
        return _published(task, record)

    def published(self, task: str, version: int) -> VersionRecord | None:
        with availability(), self._redis.pipeline(transaction=True) as pipe:
            pipe.hget(self._key("versions", task), str(version))
            pipe.hget(self._key("task", task), "unread")
            record, unread = pipe.execute()
        if fault := _unread(unread):
            raise fault
        return None if record is None else _published(task, record)

    def published_as(self, task: str, digest: str) -> VersionRecord | None:
        """The version whose bundle has this digest."""
        with availability():
            version = self._redis.hget(self._key("digests", task), digest)
        return None if version is None else self.published(task, int(version))

    def all_published(self, task: str) -> list[VersionRecord]:
        """Every version, lowest first."""
        with availability():
            records = self._redis.hvals(self._key("versions", task))
        return sorted((_published(task, record) for record in records), key=lambda record: record.version)

    def published_texts(self, task: str) -> list[str]:
        """The record of every version as JSON, those included that cannot be parsed."""
        with availability():
            return [_text(record) for record in self._redis.hvals(self._key("versions", task))]

    def backbones(self) -> list[BackboneAdded]:
        """Every backbone there is, by name."""
        with availability():
            records = self._redis.hvals(self._key("backbones"))
        return sorted((_added(record) for record in records), key=lambda record: record.name)

    def backbone_texts(self) -> list[str]:
        """The record of every backbone as JSON, those included that cannot be parsed."""
        with availability():
            return [_text(record) for record in self._redis.hvals(self._key("backbones"))]

    def policy(self, task: str) -> PolicySet | None:
        """The record that last set or cleared the task's policy."""
        with availability():
            text = self._redis.get(self._key("policy", task))
        if text is None:
            return None
        record = repeated_record(task, text)
        assert isinstance(record, PolicySet)
        return record

    def annotations(self, task: str) -> dict[int, VersionAnnotated]:
        """The last annotation of every version that has one."""
        with availability():
            records = self._redis.hgetall(self._key("annotations", task))
        return {int(version): _annotated(task, record) for version, record in records.items()}

    def annotated(self, task: str, version: int) -> VersionAnnotated | None:
        with availability():
            record = self._redis.hget(self._key("annotations", task), str(version))
        return None if record is None else _annotated(task, record)

    def history(self, task: str) -> list[Record]:
        """Every record, oldest first, those of deleted versions too."""
        with availability():
            texts = self._redis.lrange(self._key("history", task), 0, -1)
        return [repeated_record(task, text) for text in texts]

    def newest_first(self, task: str, *, after: int = 0) -> Iterator[Record]:
        """The history from its end back to the record of number `after`, without that; read as it is asked for."""
        key = self._key("history", task)
        with availability():
            end = self._redis.llen(key)
        while end > after:  # the record of number n is the n-th of the list
            start = max(after, end - _PAGE)
            with availability():
                texts = self._redis.lrange(key, start, end - 1)
            yield from (repeated_record(task, text) for text in reversed(texts))
            end = start

    def apply(self, record: Record) -> int:
        """Fold in a record if it is the next one; a record that is already in, or not yet due, changes nothing.

        Returns the number of the last record now in."""

        def queue(pipe: Any) -> int:
            sequence = int(pipe.hget(self._key("task", record.task), "sequence") or 0)
            pipe.multi()
            if record.sequence != sequence + 1:
                return sequence
            self._queue(pipe, record, announce=True)
            return record.sequence

        return self._transact(queue, record.task)

    def replace(self, task: str, records: Iterable[Record]) -> None:
        """Make the task what these records say, in one step, and announce every alias as changed."""
        records = list(records)

        def queue(pipe: Any) -> int:
            before = {_text(alias) for alias in pipe.hkeys(self._key("aliases", task))}
            pipe.multi()
            pipe.delete(*(self._key(kind, task) for kind in ("task", "history", *_OF_VERSIONS)))
            pipe.srem(self._key("tasks"), task)
            if task == BACKBONES:
                pipe.delete(self._key("backbones"))
                self._changes.announce(pipe, _BACKBONES_CHANGED)
            for record in records:
                self._queue(pipe, record, announce=False)
            for alias in sorted(before | {r.alias for r in records if isinstance(r, AliasMoved)}):
                self._changes.announce(pipe, Change(kind="alias", task=task, version=None, alias=alias))
            return len(records)

        self._transact(queue, task)

    def set_unread(self, task: str, fault: RecordCorrupt | None) -> None:
        """Keep that the task's next record cannot be read; None: it can now."""
        with availability(), self._redis.pipeline(transaction=True) as pipe:
            if fault is None:
                pipe.hdel(self._key("task", task), "unread")
            else:
                pipe.hset(self._key("task", task), "unread", f"{fault.key}\n{fault.reason}")
                pipe.sadd(self._key("tasks"), task)
            pipe.execute()

    def known_tasks(self) -> list[str]:
        """Every task the index holds anything of, deleted ones too."""
        start = self._key("task", "")
        with availability():
            return sorted(
                _text(key).removeprefix(start) for key in self._redis.scan_iter(match=f"{start}*", count=1000)
            )

    def changes(self, cursor: str, *, block_ms: int | None, limit: int) -> tuple[list[Change], str]:
        """As `ChangeStream.read`."""
        with availability():
            return self._changes.read(cursor, block_ms=block_ms, limit=limit)

    def _transact(self, queue: Callable[[Any], int], task: str) -> int:
        with availability(), self._redis.pipeline(transaction=True) as pipe:
            while True:
                try:
                    pipe.watch(self._key("task", task))
                    sequence = queue(pipe)
                    pipe.execute()
                except WatchError:
                    continue
                return sequence

    def _queue(self, pipe: Any, record: Record, *, announce: bool) -> None:
        task = record.task
        pipe.rpush(self._key("history", task), record_json(record))
        pipe.hset(self._key("task", task), "sequence", record.sequence)
        change: Change | None = None
        match record:
            case VersionRecord():
                pipe.hset(self._key("task", task), "latest", record.version)
                pipe.hset(self._key("versions", task), str(record.version), record_json(record))
                pipe.hset(self._key("digests", task), record.digest, record.version)
                if record.manifest.method != "nettailor":
                    pipe.hset(self._key("methods", task), str(record.version), record.manifest.method)
                pipe.sadd(self._key("tasks"), task)
                change = Change(kind="published", task=task, version=record.version, alias=None)
            case AliasMoved(after=None):
                pipe.hdel(self._key("aliases", task), record.alias)
                change = Change(kind="alias", task=task, version=None, alias=record.alias)
            case AliasMoved():
                pipe.hset(self._key("aliases", task), record.alias, record.after)
                change = Change(kind="alias", task=task, version=record.after, alias=record.alias)
            case VersionDeleted():
                pipe.hdel(self._key("versions", task), str(record.version))
                pipe.hdel(self._key("digests", task), record.digest)
                pipe.hdel(self._key("annotations", task), str(record.version))
                pipe.hdel(self._key("methods", task), str(record.version))
                change = Change(kind="deleted", task=task, version=record.version, alias=None)
            case TaskDeleted():
                pipe.delete(*(self._key(kind, task) for kind in _OF_VERSIONS))
                pipe.srem(self._key("tasks"), task)
                change = Change(kind="deleted", task=task, version=None, alias=None)
            case BackboneAdded():
                pipe.hset(self._key("backbones"), record.name, record_json(record))
                change = _BACKBONES_CHANGED
            case BackboneRemoved():
                pipe.hdel(self._key("backbones"), record.name)
                change = _BACKBONES_CHANGED
            case PolicySet():
                pipe.set(self._key("policy", task), record_json(record))
                change = Change(kind="policy", task=task, version=None, alias=None)
            case VersionAnnotated():
                pipe.hset(self._key("annotations", task), str(record.version), record_json(record))
        if announce and change is not None:  # tags and notes do not change what a server answers
            self._changes.announce(pipe, change)

    def shared_secret(self, name: str) -> bytes:
        """Random bytes that all who use this Redis have in common, made when they are first asked for."""
        key = self._key("secret", name)
        with availability(), self._redis.pipeline(transaction=True) as pipe:
            pipe.set(key, secrets.token_bytes(_SECRET_BYTES), nx=True)
            pipe.get(key)
            return cast(bytes, pipe.execute()[1])

    def _key(self, kind: str, task: str | None = None) -> str:
        return f"{self._prefix}{kind}" if task is None else f"{self._prefix}{kind}:{task}"


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value


def _unread(field: bytes | str | None) -> RecordCorrupt | None:
    if field is None:
        return None
    key, _, reason = _text(field).partition("\n")
    return RecordCorrupt(key, reason)


def _published(task: str, text: bytes | str) -> VersionRecord:
    record = repeated_record(task, text)
    assert isinstance(record, VersionRecord)
    return record


def _annotated(task: str, text: bytes | str) -> VersionAnnotated:
    record = repeated_record(task, text)
    assert isinstance(record, VersionAnnotated)
    return record


def _added(text: bytes | str) -> BackboneAdded:
    record = repeated_record(BACKBONES, text)
    assert isinstance(record, BackboneAdded)
    return record
