"""Records: what happened to a task, one immutable numbered file each, beside the blobs.

`records/{task}/{sequence}.json`, sequence 1, 2, 3, ... without gaps. What happened to the backbones is kept in the same
way, under a name that no task can have. Creating the next file is what makes an operation
happen: of several writers one wins, the others read what it wrote and try again on top. Redis only repeats them.

A record is for ever, so nothing is written that could not be read back.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from nettailor.bundle.manifest import Manifest
from nettailor.bundle.safetensors_file import canonical_json, strict_json
from nettailor.plain_text import check_json, check_size
from registry.errors import RecordCorrupt, RecordRefused
from registry.policy.policy import Policy
from registry.policy.policy_check import Evidence
from registry.storage.store import Store

BACKBONES = "_backbones"  # whose records are those of the backbones; the name of a task begins otherwise
_FOLDER = "records"
_FORMAT = "nettailor-record/1"
_LOST = "it is lost; later ones are there"
_FILE = re.compile(rb'\{"format":"nettailor-record/1","record":(.*),"sha256":"([0-9a-f]{64})"\}', re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class _Happened:
    task: str
    sequence: int  # 1, 2, ... within the task
    at: str  # ISO 8601, UTC
    actor: str


@dataclass(frozen=True, kw_only=True)
class VersionRecord(_Happened):
    """A bundle was published: one immutable version of a task, identified by (task, version, digest)."""

    version: int
    digest: str  # of the bundle
    size_bytes: int  # of the bundle
    job: str | None  # that made it
    note: str
    manifest: Manifest
    # name -> digest of the files kept beside the bundle; records of older releases have none
    attachments: dict[str, str] = field(default_factory=dict)
    kind: Literal["published"] = "published"


@dataclass(frozen=True, kw_only=True)
class AliasMoved(_Happened):
    """An alias was set (`before` is None), moved, or removed (`after` is None).

    `evidence` holds the checks of the task's policy, None where no policy was asked. `forced` says that they failed and
    the alias moved all the same.
    """

    alias: str
    before: int | None
    after: int | None
    rollback: bool
    reason: str
    evidence: Evidence | None = None  # records of older releases have neither
    forced: bool = False
    kind: Literal["alias"] = "alias"


@dataclass(frozen=True, kw_only=True)
class VersionDeleted(_Happened):
    version: int
    digest: str
    reason: str
    kind: Literal["version-deleted"] = "version-deleted"


@dataclass(frozen=True, kw_only=True)
class TaskDeleted(_Happened):
    """All versions and aliases went; numbering goes on where it was if the name is used again."""

    reason: str
    kind: Literal["task-deleted"] = "task-deleted"


@dataclass(frozen=True, kw_only=True)
class PolicySet(_Happened):
    """The task's policy was set, or cleared (`policy` is None)."""

    policy: Policy | None
    reason: str
    kind: Literal["policy"] = "policy"


@dataclass(frozen=True, kw_only=True)
class VersionAnnotated(_Happened):
    """A version's tags and note were changed; these are all of them after it."""

    version: int
    tags: dict[str, str]
    note: str
    kind: Literal["annotated"] = "annotated"


@dataclass(frozen=True, kw_only=True)
class BackboneAdded(_Happened):
    """Weights were stored under a name, for every server and trainer of this registry."""

    name: str
    architecture: str  # what the weights are of: `resnet18`, `mini26`, ...
    fingerprint: str  # as manifests name it
    digest: str  # of the file
    size_bytes: int  # of the file
    note: str
    kind: Literal["backbone-added"] = "backbone-added"


@dataclass(frozen=True, kw_only=True)
class BackboneRemoved(_Happened):
    name: str
    fingerprint: str
    digest: str
    reason: str
    kind: Literal["backbone-removed"] = "backbone-removed"


def now() -> str:
    """The time, as records say it."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


Record = (
    VersionRecord
    | AliasMoved
    | VersionDeleted
    | TaskDeleted
    | PolicySet
    | VersionAnnotated
    | BackboneAdded
    | BackboneRemoved
)

# By default pydantic keeps values, too, for the next time they are read: times and digests that never come again.
_ADAPTER: TypeAdapter[Record] = TypeAdapter(
    Annotated[Record, Field(discriminator="kind")], config=ConfigDict(cache_strings="keys")
)


def record_json(record: Record) -> str:
    """Canonical JSON of a record."""
    return canonical_json(_ADAPTER.dump_python(record, mode="json"))


def parse_record(text: str | bytes) -> Record:
    """Raises `ValueError`."""
    return _ADAPTER.validate_json(text)


def repeated_record(task: str, text: str | bytes) -> Record:
    """A record as the index repeats it. Raises `RecordCorrupt`, which names the record's file where it can be told."""
    try:
        return parse_record(text)
    except ValueError as error:
        raise RecordCorrupt(_key_in(task, text), f"the index cannot read it: {_first_line(error)}") from error


class Records:
    """The records of all tasks in one store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def append(self, record: Record) -> bool:
        """Create the record's file; False if another writer's record has that number.

        Raises `RecordRefused` if a reader would not get the same record back; nothing is written then.
        """
        return self._store.create(_key(record.task, record.sequence), _readable(record))

    def read(self, task: str, sequence: int) -> Record | None:
        """One record, None if it has not happened. Raises `RecordCorrupt`."""
        key = _key(task, sequence)
        try:
            return _parse(key, self._store.read(key))
        except FileNotFoundError:
            return None

    def since(self, task: str, sequence: int) -> Iterator[Record]:
        """The records after a number, in order. Raises `RecordCorrupt`."""
        while record := self.read(task, sequence + 1):
            yield record
            sequence += 1

    def certain(self, task: str, sequence: int) -> Record:
        """One record that must be there. Raises `RecordCorrupt`, also if it is lost."""
        record = self.read(task, sequence)
        if record is None:
            raise RecordCorrupt(_key(task, sequence), _LOST)
        return record

    def whole(self, task: str, *, after: int = 0) -> Iterator[Record]:
        """Every record after a number, in order. Unlike `since`, it does not take a lost one for the end.

        Raises `RecordCorrupt`.
        """
        for sequence in range(after + 1, self.latest(task) + 1):
            yield self.certain(task, sequence)

    def undamaged(self, task: str, sequence: int) -> bytes:
        """The text of a record that has its checksum, whether or not it can be understood. Raises `RecordCorrupt`."""
        key = _key(task, sequence)
        try:
            found = _FILE.fullmatch(self._store.read(key))
        except FileNotFoundError:
            raise RecordCorrupt(key, _LOST) from None
        if found is None or hashlib.sha256(found[1]).hexdigest().encode() != found[2]:
            raise RecordCorrupt(key, "it is damaged: its checksum does not fit")
        return found[1]

    def latest(self, task: str) -> int:
        """The highest number given, 0 if none is."""
        numbers = [name.removesuffix(".json") for name in self._store.names(f"{_FOLDER}/{task}")]
        return max((int(number) for number in numbers if number.isdecimal()), default=0)

    def tasks(self) -> list[str]:
        """Every task that ever had a record. Other programs' files, such as the Finder's `.DS_Store`, are none."""
        return [name for name in self._store.names(_FOLDER) if not name.startswith(".")]


def _key(task: str, sequence: int) -> str:
    return f"{_FOLDER}/{task}/{sequence:08d}.json"


def _key_in(task: str, text: str | bytes) -> str:
    """The key of a record that cannot be parsed as one; the folder of its task's records where no number is in it."""
    try:
        return _key(task, int(strict_json(text)["sequence"]))
    except (ValueError, TypeError, KeyError):
        return f"{_FOLDER}/{task}"


def _checksum(value: Any) -> str:
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def _readable(record: Record) -> bytes:
    """The record's file, which was read as a reader will. Raises `RecordRefused`."""
    try:
        value = check_json(_ADAPTER.dump_python(record, mode="json"))
        document = {"format": _FORMAT, "record": value, "sha256": _checksum(value)}
        data = check_size(canonical_json(document).encode())
        if _parse(_key(record.task, record.sequence), data) != record:
            raise RecordRefused(record.task, "what is read back is not what was written")
    except RecordCorrupt as fault:
        raise RecordRefused(record.task, fault.reason) from fault
    except ValueError as fault:
        raise RecordRefused(record.task, _first_line(fault)) from fault
    return data


def _parse(key: str, data: bytes) -> Record:
    try:
        document = strict_json(data)
        if not isinstance(document, dict) or document.get("format") != _FORMAT:
            raise RecordCorrupt(key, f"not a {_FORMAT}")
        if document.get("sha256") != _checksum(document.get("record")):
            raise RecordCorrupt(key, "its checksum does not fit")
        record = parse_record(canonical_json(document["record"]))
    except ValidationError as error:
        raise RecordCorrupt(key, f"{error.error_count()} fields do not fit: {_first_line(error)}") from error
    except RecursionError as error:
        raise RecordCorrupt(key, "nested too deeply") from error
    except ValueError as error:
        raise RecordCorrupt(key, f"not JSON: {error}") from error
    if _key(record.task, record.sequence) != key:
        raise RecordCorrupt(key, f"it is record {record.sequence} of task {record.task!r}")
    return record


def _first_line(error: ValueError) -> str:
    """The fault in a line, without what was found: that may be anything, and of any length."""
    if not isinstance(error, ValidationError):
        return str(error)
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    return f"{'.'.join(map(str, first['loc'])) or 'the record'}: {first['msg']}"
