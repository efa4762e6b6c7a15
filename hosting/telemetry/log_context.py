"""What a log record is about: request, task, version, job. Context variables, set at the edge of each service."""

import logging
from collections.abc import Sequence
from contextvars import ContextVar
from typing import Any, Protocol

from hosting.telemetry.request_id import request_id


class Request(Protocol):
    """What a request says that it is about. It is read only when a record is written: most requests write none."""

    @property
    def tasks(self) -> Sequence[str]: ...

    @property
    def version(self) -> int | None: ...

    @property
    def job(self) -> str | None: ...


request: ContextVar[Request | None] = ContextVar("request", default=None)
task: ContextVar[str | None] = ContextVar("task", default=None)
version: ContextVar[int | None] = ContextVar("version", default=None)
job: ContextVar[str | None] = ContextVar("job", default=None)

FIELDS = ("request_id", "task", "version", "job")


def known(record: logging.LogRecord) -> dict[str, Any]:
    """The fields of a record: what its `extra` says, else the context, else the request; unknown ones are left out."""
    found: dict[str, Any] = {}
    asked = request.get()
    if asked is not None:
        found = {"task": ",".join(asked.tasks) or None, "version": asked.version, "job": asked.job}
    for name, variable in (("request_id", request_id), ("task", task), ("version", version), ("job", job)):
        value = getattr(record, name, None) or variable.get()
        if value is not None:
            found[name] = value
    return {name: found[name] for name in FIELDS if found.get(name) is not None}
