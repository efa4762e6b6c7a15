"""What the writers of the crash test do, and what the registry says to it: over the library, or over HTTP."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from benchmarks.workloads.mini26 import random_bundle, smallest_plan
from nettailor.bundle.bundle import digest_of
from nettailor_client import Client
from nettailor_client.errors import RequestRefused, ServiceUnreachable
from registry.errors import IndexUnavailable, RegistryError
from registry.registry import LIVE, Registry

Kind = Literal["publish", "promote", "rollback"]
KINDS: tuple[Kind, ...] = ("publish", "promote", "rollback")


@dataclass(frozen=True, kw_only=True)
class Operation:
    kind: Kind
    task: str
    seed: int = 0  # of the bundle to publish
    version: int = 0  # to promote

    def bundle(self) -> bytes:
        return random_bundle(self.task, self.seed, plan=smallest_plan())


@dataclass(frozen=True, kw_only=True)
class Acknowledged:
    """What the registry said it had done."""

    kind: Kind
    task: str
    version: int  # that was published, or that is live now
    digest: str = ""  # of what was published
    before: int | None = None  # what was live
    at: str = ""  # when the alias moved


@dataclass(frozen=True, kw_only=True)
class Refused:
    """`away`: for lack of a registry or of its Redis, not for the operation's own sake."""

    reason: str
    away: bool


Outcome = Acknowledged | Refused


def by_library(registry: Registry, operation: Operation) -> Outcome:
    task = operation.task
    try:
        match operation.kind:
            case "publish":
                data = operation.bundle()
                record = registry.publish(task, data, actor="publisher")
                return _published(task, record.version, data)
            case "promote":
                moved = registry.promote(task, LIVE, operation.version, actor="publisher", reason="")
                return _moved("promote", vars(moved))
            case "rollback":
                return _moved("rollback", vars(registry.rollback(task, actor="publisher", reason="")))
    except RegistryError as error:
        return Refused(reason=str(error), away=isinstance(error, IndexUnavailable))


def by_http(client: Client, operation: Operation) -> Outcome:
    task = operation.task
    try:
        match operation.kind:
            case "publish":
                data = operation.bundle()
                return _published(task, client.publish(task, data).version, data)
            case "promote":
                return _moved("promote", client.promote(task, LIVE, operation.version).as_json())
            case "rollback":
                return _moved("rollback", client.rollback(task).as_json())
    except RequestRefused as error:
        return Refused(reason=str(error), away=error.status == 503)
    except ServiceUnreachable as error:
        return Refused(reason=str(error), away=True)


def operation_json(operation: Operation) -> str:
    return json.dumps(asdict(operation))


def parse_operation(line: str) -> Operation:
    return Operation(**json.loads(line))


def outcome_json(outcome: Outcome) -> str:
    return json.dumps({"acknowledged": isinstance(outcome, Acknowledged)} | asdict(outcome))


def parse_outcome(line: str) -> Outcome:
    fields = json.loads(line)
    return Acknowledged(**fields) if fields.pop("acknowledged") else Refused(**fields)


def _published(task: str, version: int, data: bytes) -> Acknowledged:
    return Acknowledged(kind="publish", task=task, version=version, digest=digest_of(data))


def _moved(kind: Kind, move: Mapping[str, Any]) -> Acknowledged:
    """Out of the fields that the library's record and the answer over HTTP have in common."""
    assert move["after"] is not None  # nobody here removes an alias
    return Acknowledged(kind=kind, task=move["task"], version=move["after"], before=move["before"], at=move["at"])
