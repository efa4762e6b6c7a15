"""Errors as `application/problem+json` (RFC 9457), for every HTTP app of the house; of paths under `/v2`, as
`application/json`, since clients of the Open Inference Protocol show the text of no other.

A table maps exception types to (status, title); subclasses fall to the nearest entry. The identifiers an exception
carries (`task`, `version`, ...) become members of the problem, its text the detail. A traceback never leaves. What a
stranger wrote may be in any of them: it is mended, so that every problem can be written down.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic_core import to_json
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from hosting.disk.reserve import is_full
from hosting.errors import InsufficientStorage, PageUnknown, ReserveNearlyGone
from hosting.telemetry.request_id import HEADER, RequestIdMiddleware, request_id
from hosting.web.problem import CLIENT_GONE, RETRY_AFTER_SECONDS, Problem, ProblemTable, media_type_of, members_of
from nettailor.plain_text import mended

logger = logging.getLogger(__name__)

# Method, path, and why: of an answer of 500 and more, which a house that fails gives by the thousand.
FAILED = "%s %s: %s"

# FastAPI has 400 for these, and 422 for all other bad JSON. ValueError: no UTF-8, or a number of too many digits.
_UNREADABLE_JSON = (ValueError, RecursionError)
_MOST_FAULTS = 20  # of a malformed request that its answer names; a request can have as many as it has bytes
_PLACE_CHARACTERS = 200
_FULL_DISK = (507, "insufficient storage")


def problem_response(problem: Problem, *, headers: Mapping[str, str] | None = None) -> Response:
    """The answer for a problem; 429 and 503 get a `Retry-After` if the headers have none."""
    return _written(problem.model_dump(mode="json"), headers or {})


def _written(problem: Mapping[str, Any], headers: Mapping[str, str]) -> Response:
    told = {name.lower(): value for name, value in headers.items()}
    if problem["status"] in (429, 503):
        told.setdefault("retry-after", str(RETRY_AFTER_SECONDS))
    if identity := request_id.get():
        told[HEADER.lower()] = identity
    return Response(
        to_json(mended(dict(problem))),
        status_code=problem["status"],
        media_type=media_type_of(problem["instance"] or ""),
        headers=told,
    )


def install_problem_handlers(app: FastAPI, table: ProblemTable) -> None:
    """Answer with problems: the table's exceptions, FastAPI's own, and anything else as a bare 500.

    Also installs the request-id middleware. May be called several times with different tables.
    """
    for kind, (status, title) in table.items():
        app.add_exception_handler(kind, _handler(status, title))
    app.add_exception_handler(InsufficientStorage, _handler(*_FULL_DISK))
    app.add_exception_handler(ReserveNearlyGone, _handler(503, "not ready"))
    app.add_exception_handler(PageUnknown, _handler(422, "no such page"))
    app.add_exception_handler(OSError, _operating_system_error)
    app.add_exception_handler(RequestValidationError, _invalid_request)
    app.add_exception_handler(HTTPException, _http_exception)
    app.add_exception_handler(ClientDisconnect, _client_gone)
    app.add_exception_handler(Exception, _unexpected)
    installed: list[Any] = [middleware.cls for middleware in app.user_middleware]
    if RequestIdMiddleware not in installed:
        app.add_middleware(RequestIdMiddleware)


def answer(request: Request, error: Exception, table: ProblemTable) -> Response:
    """The answer to an exception of the table, to a malformed request, to a client that went or one that is too slow;
    any other exception is raised again."""
    if isinstance(error, RequestValidationError):
        return _malformed(request, error)
    if isinstance(error, HTTPException):
        return _from_http_exception(request, error)
    if isinstance(error, ClientDisconnect):
        return _gone(request)
    for kind in type(error).__mro__:
        if kind in table:
            return _answer(request, error, *table[kind])
    raise error


def _handler(status: int, title: str) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def handle(request: Request, error: Exception) -> Response:
        return _answer(request, error, status, title)

    return handle


def _answer(request: Request, error: Exception, status: int, title: str) -> Response:
    path: str = request.scope["path"]  # `request.url` would put a whole URL together, and take it apart again
    if status >= 500:
        logger.warning(FAILED, request.method, path, error, extra={"failure": f"{type(error).__name__}: {error}"})
    headers: dict[str, str] = {}
    if (seconds := getattr(error, "retry_after_seconds", None)) is not None:
        headers["Retry-After"] = str(max(1, round(seconds)))
    return _written(members_of(error, status, title, instance=path), headers)


async def _invalid_request(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return _malformed(request, error)


def _malformed(request: Request, error: RequestValidationError) -> Response:
    found = error.errors()
    faults = [{"where": _place(fault["loc"]), "reason": _reason(fault)} for fault in found[:_MOST_FAULTS]]
    detail = "; ".join(f"{fault['where']}: {fault['reason']}" for fault in faults)
    if len(found) > len(faults):
        detail += f"; and {len(found) - len(faults)} more"
    return problem_response(_plain(request, 422, "malformed request", detail, errors=faults))


def _reason(fault: Mapping[str, Any]) -> str:
    """Pydantic's own, but where that leads astray."""
    match fault:
        case {"loc": ("body",), "input": bytes()}:  # FastAPI parses no body that is not said to be JSON
            return "no JSON by its Content-Type, which should be application/json"
        case {"type": "too_long", "input": str(), "ctx": {"max_length": most}}:  # it counts "items" behind a validator
            return f"String should have at most {most} characters"
        case {"type": "json_invalid", "ctx": {"error": why}}:  # behind the character from which on it is none
            return f"{fault['msg']}: {why}"
    return str(fault["msg"])


def _place(path: Sequence[Any]) -> str:
    return ".".join(map(str, path))[:_PLACE_CHARACTERS]


async def _http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _from_http_exception(request, error)


def _from_http_exception(request: Request, error: HTTPException) -> Response:
    if isinstance(error.__cause__, _UNREADABLE_JSON):
        detail = "body: it is no UTF-8, nested too deeply, or has a number of too many digits"
        return problem_response(_plain(request, 422, "malformed request", detail))
    title = HTTPStatus(error.status_code).phrase.lower()
    return problem_response(_plain(request, error.status_code, title, str(error.detail)), headers=error.headers)


async def _client_gone(request: Request, error: Exception) -> Response:
    return _gone(request)


def _gone(request: Request) -> Response:
    logger.debug("%s %s: the client hung up", request.method, request.url.path)
    return Response(status_code=CLIENT_GONE)


async def _operating_system_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, OSError)
    if not is_full(error):
        raise error
    logger.error("%s %s: %s", request.method, request.url.path, error)  # with the path, which clients are not told
    return _answer(request, InsufficientStorage(error.strerror or "it is full"), *_FULL_DISK)


async def _unexpected(request: Request, error: Exception) -> Response:
    logger.error("%s %s failed", request.method, request.url.path, exc_info=error)
    told = _plain(request, 500, "internal error", "the service has logged what went wrong")
    # Starlette raises the error again for the server's log, upon which uvicorn ends the connection: a client that is
    # not told would lose its next request.
    return problem_response(told, headers={"Connection": "close"})


def _plain(request: Request, status: int, title: str, detail: str, **members: Any) -> Problem:
    told: dict[str, Any] = mended({"detail": detail, "error": detail, **members})
    return Problem(title=title, status=status, instance=request.url.path, request_id=request_id.get(), **told)
