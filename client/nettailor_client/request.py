"""Descriptions of what is asked: data, which whoever sends it turns into bytes."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar
from urllib.parse import quote

from pydantic import TypeAdapter, ValidationError

from nettailor_client.body import NO_BODY, Body
from nettailor_client.errors import AnswerCorrupt, AnswerUnusable, ArgumentUnusable

T = TypeVar("T")

Json = dict[str, Any]
Query = tuple[tuple[str, str], ...]
Waiting = Callable[[], None]

_NO_SEGMENTS = ("", ".", "..")
READ_S = 120.0  # a cold task is loaded within one read


def silently() -> None:
    """For whoever does not want to know that the service is being waited for."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """Of a request that was not refused. Names of headers are in lower case."""

    path: str
    headers: Mapping[str, str]
    content: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Request(Generic[T]):
    """One call of the API, and what its answer is read as.

    `repeatable`: done twice it does what it does done once, so that it is sent again if the connection broke.
    `is_long`: it is worth being repeated for long. `waiting` is called before each pause. `read_s`: for how long the
    service may say nothing; None: as long as it takes.
    """

    method: str
    path: str
    parse: Callable[[Answer], T] = field(repr=False)
    query: Query = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Body = NO_BODY
    repeatable: bool = True
    is_long: bool = False
    waiting: Waiting = field(default=silently, repr=False)
    read_s: float | None = READ_S


def path_of(*segments: str | int) -> str:
    """The path of a resource. What people typed stays one segment, whatever signs it holds.

    Raises `ArgumentUnusable` for what is no segment: it would name another resource, a list or what is above.
    """
    return "".join(f"/{_quoted(str(segment))}" for segment in segments)


def _quoted(segment: str) -> str:
    if segment in _NO_SEGMENTS:
        raise ArgumentUnusable(f"no name or id: {segment!r}")
    try:
        return quote(segment, safe="@", errors="surrogateescape")
    except UnicodeEncodeError as error:
        raise ArgumentUnusable(f"no text that could be sent: {segment!a}") from error


def query_of(**values: str | float | bool | None) -> Query:
    """What is None is left to the service."""
    return tuple((name, _text(value)) for name, value in values.items() if value is not None)


def _text(value: str | float | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def read_as(kind: type[T], *, member: str | None = None) -> Callable[[Answer], T]:
    """Reads a JSON answer as the kind, or the one `member` of it. Raises `AnswerUnusable`."""

    def parse(answer: Answer) -> T:
        try:
            if member is None:
                return TypeAdapter(kind).validate_json(answer.content)
            document = TypeAdapter(Json).validate_json(answer.content)
            return TypeAdapter(kind).validate_python(document.get(member))
        except ValidationError as error:
            raise AnswerUnusable(answer.path, _reason(error)) from error

    return parse


def _reason(error: ValidationError) -> str:
    first, *more = error.errors(include_url=False, include_input=False)
    place = ".".join(map(str, first["loc"]))
    return f"{place}: {first['msg']}" + (f"; and {len(more)} more" if more else "")


def read_nothing(answer: Answer) -> None:
    """An answer whose status says it all."""


def read_bytes(answer: Answer) -> bytes:
    return answer.content


def read_text(answer: Answer) -> str:
    return answer.content.decode(errors="replace")


def read_verified(answer: Answer) -> bytes:
    """Bytes whose `ETag` is their digest. Raises `AnswerCorrupt`."""
    promised = answer.headers.get("etag", "").strip('"')
    found = f"sha256:{hashlib.sha256(answer.content).hexdigest()}"
    if found != promised:
        raise AnswerCorrupt(answer.path, promised, found)
    return answer.content
