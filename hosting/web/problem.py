"""A problem document (RFC 9457): what an error is told as in answers, and kept as with a failed job.

The identifiers an exception carries (`task`, `version`, ...) become members of the problem, its text the detail. What a
stranger wrote may be in any of them: it is mended, so that every problem can be written down. Workers make them, too,
and import no web framework for it.
"""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic import BaseModel, ConfigDict

from hosting.telemetry.request_id import request_id
from nettailor.plain_text import mended

MEDIA_TYPE = "application/problem+json"
_OPEN_INFERENCE = "/v2"  # the paths of the protocol
CLIENT_GONE = 499  # as nginx counts a request whose client did not wait for the answer; nobody is there to see it
RETRY_AFTER_SECONDS = 1  # for 429 and 503, unless the exception has `retry_after_seconds`

ProblemTable = Mapping[type[Exception], tuple[int, str]]

_MEMBERS = (
    *("task", "version", "alias", "expected", "actual", "aliases", "digest", "job", "where", "reason"),
    *("live", "evidence", "scope", "pixels", "limit_pixels", "candidates"),
)


class Problem(BaseModel):
    """RFC 9457 members, ours, and `error` for clients of the Open Inference Protocol. Others may be added."""

    model_config = ConfigDict(extra="allow")

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    instance: str | None = None
    request_id: str | None = None
    error: str


def problem_of(error: Exception, status: int, title: str, *, instance: str | None = None) -> Problem:
    """The problem document of a domain exception, for answers and for what is stored (a failed job, for one)."""
    return Problem(**mended(members_of(error, status, title, instance=instance)))


def members_of(error: Exception, status: int, title: str, *, instance: str | None) -> dict[str, Any]:
    """The members of its problem document, in the order of `Problem`. Answers do without one of those: to make it
    would cost more than all else about a refusal."""
    detail = str(error)
    return {
        "type": problem_type(type(error)),
        "title": title,
        "status": status,
        "detail": detail,
        "instance": instance,
        "request_id": request_id.get(),
        "error": detail,
        **{name: getattr(error, name) for name in _MEMBERS if hasattr(error, name)},
    }


def problem_type(error: type[Exception]) -> str:
    """`TaskUnknown` -> `urn:nettailor:problem:task-unknown`."""
    return _urn(error.__name__)


@cache
def _urn(name: str) -> str:
    return "urn:nettailor:problem:" + re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).lower()


def media_type_of(path: str) -> str:
    """Of the problems of a path."""
    is_open_inference = path == _OPEN_INFERENCE or path.startswith(f"{_OPEN_INFERENCE}/")
    return "application/json" if is_open_inference else MEDIA_TYPE
