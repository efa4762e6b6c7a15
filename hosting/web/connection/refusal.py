"""Answers to requests that no app gets to see, because they are too large, too late or too many."""

from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus

from hosting.web.problem import RETRY_AFTER_SECONDS, Problem, media_type_of


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """A status and why. It is the last answer on its connection."""

    status: int
    title: str
    detail: str

    def encoded(self, headers: Iterable[tuple[bytes, bytes]], *, path: str = "") -> bytes:
        """The whole answer, a problem document, as it goes over the wire. `headers` are those of every answer, `path`
        what is known of the request's."""
        problem = Problem(title=self.title, status=self.status, detail=self.detail, error=self.detail)
        body = problem.model_dump_json().encode()
        own = [
            (b"content-type", media_type_of(path).encode()),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
        ]
        if self.status in (429, 503):
            own.append((b"retry-after", str(RETRY_AFTER_SECONDS).encode()))
        lines = [f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}".encode()]
        lines += [name + b": " + value for name, value in [*headers, *own]]
        return b"\r\n".join([*lines, b"", body])


class Refused(Exception):
    """Raised where the parser of requests calls back, to stop it."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.detail)
        self.refusal = refusal


def malformed() -> Refusal:
    return Refusal(status=400, title="malformed request", detail="this is no HTTP request")


def url_too_long(limit_bytes: int) -> Refusal:
    return Refusal(status=414, title="URL too long", detail=f"the URL has more than {limit_bytes} bytes")


def headers_too_large(limit_bytes: int, limit: int) -> Refusal:
    detail = f"a request has at most {limit} headers, of {limit_bytes} bytes together"
    return Refusal(status=431, title="headers too large", detail=detail)


def headers_late(limit_s: float) -> Refusal:
    return Refusal(
        status=408, title="request too slow", detail=f"the headers were not complete within {limit_s:g} seconds"
    )


def full(limit: int) -> Refusal:
    return Refusal(status=503, title="too many connections", detail=f"the service has {limit} connections open")


def full_for_address(limit: int) -> Refusal:
    return Refusal(status=429, title="too many connections", detail=f"your address has {limit} connections open")
