"""What a log record is about: request, task, version, job. Context variables, set at the edge of each service.

The request's own scope is kept as it is and read only when a record is written: most requests write none.
"""

import logging
import re
from contextvars import ContextVar
from typing import Any

from starlette.types import Scope

from hosting.access.permissions import need
from hosting.telemetry.request_id import request_id, scope_of_request

task: ContextVar[str | None] = ContextVar("task", default=None)
version: ContextVar[int | None] = ContextVar("version", default=None)
job: ContextVar[str | None] = ContextVar("job", default=None)

FIELDS = ("request_id", "task", "version", "job")
_VERSION = re.compile(r"/tasks/[^/]+/versions/(\d{1,18})(/.*)?")


def known(record: logging.LogRecord) -> dict[str, Any]:
    """The fields of a record: what its `extra` says, else the context, else the request's path; unknown ones are left
    out."""
    found: dict[str, Any] = {}
    scope = scope_of_request.get()
    if scope is not None:
        found = _of_path(scope)
    for name, variable in (("request_id", request_id), ("task", task), ("version", version), ("job", job)):
        value = getattr(record, name, None) or variable.get()
        if value is not None:
            found[name] = value
    return {name: found[name] for name in FIELDS if found.get(name) is not None}


def _of_path(scope: Scope) -> dict[str, Any]:
    needed = need(scope["method"], scope["path"], scope["query_string"])
    if needed is None:
        return {}
    version_named = _VERSION.fullmatch(scope["path"])
    return {
        "task": ",".join(needed.tasks) or None,
        "job": needed.job,
        "version": int(version_named[1]) if version_named else None,
    }
