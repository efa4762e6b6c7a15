"""Bodies of requests, bounded: each by its route, all that are under way together by `NETTAILOR_BODIES_BOUND_BYTES`.

Within the authorization: who may not ask is not listened to. A body counts until the
answer begins, and only with what has come of it, so that whoever announces much and sends little, or does not read the
answer, keeps nobody out.
"""

import asyncio
from collections.abc import Mapping

from fastapi import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hosting.access.body_limit import BodyLimit, usual_limit
from hosting.access.route_table import route_match
from hosting.errors import BodiesTooMany, BodyTooLarge, BodyUndecodable, CodingUnsupported
from hosting.web.content_coding import CODINGS, Decoder, decoder
from hosting.web.problem import ProblemTable
from hosting.web.problems import answer

BODY_PROBLEMS: ProblemTable = {
    BodyTooLarge: (413, "body too large"),
    BodyUndecodable: (422, "malformed body"),
    CodingUnsupported: (415, "unsupported content encoding"),
    BodiesTooMany: (429, "too many bodies"),
}
_REFUSALS = tuple(BODY_PROBLEMS)


class BodiesUnderWay:
    """How many bytes of bodies this process holds. Only the event loop's thread counts."""

    def __init__(self, bound_bytes: int) -> None:
        self.bound_bytes = bound_bytes
        self.bytes = 0

    def check(self, further_bytes: int) -> None:
        """Raises `BodiesTooMany` if so many more would be too many."""
        if self.bytes + further_bytes > self.bound_bytes:
            raise BodiesTooMany(self.bytes, self.bound_bytes)


class BoundedBodies:
    """Pure ASGI, within `RouteLookup`."""

    def __init__(self, app: ASGIApp, under_way: BodiesUnderWay) -> None:
        self._app = app
        self._under_way = under_way

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        announced = _announced(scope)
        if not announced:
            await self._app(scope, receive, send)
            return
        route = route_match(scope).route
        limit = usual_limit(scope["method"]) if route is None else route.body_limit
        body = _Body(limit, announced, self._under_way, receive, send)
        headers = scope["headers"]
        if "content-encoding" in announced:
            headers = [(name, value) for name, value in headers if name not in _OF_THE_CODED_BODY]
        try:
            if limit.max_bytes == 0:
                body.refusal = BodyTooLarge(0)
            else:
                await self._app({**scope, "headers": headers}, body.receive, body.send)
        except Exception:  # it may be the refusal, or what became of it on its way
            if body.refusal is None:
                raise
        finally:
            body.let_go()
        if body.refusal is not None and not body.is_answered:
            await _refused(Request(scope), body.refusal)(scope, receive, send)


class _Body:
    """The body of one request on its way to the handler. Once it is refused, nothing that the handler answers counts:
    frameworks have answers of their own for bodies that they could not read."""

    def __init__(
        self, limit: BodyLimit, announced: Mapping[str, str], under_way: BodiesUnderWay, receive: Receive, send: Send
    ) -> None:
        self.refusal: Exception | None = None
        self.is_answered = False
        self._limit = limit
        self._announced = announced
        self._under_way = under_way
        self._receive = receive
        self._send = send
        self._size = 0
        self._held = 0
        self._decoder: Decoder | None = None
        self._has_begun = False
        self._has_ended = False  # as it was sent; the decoder may have more
        self._is_decoded = False

    async def receive(self) -> Message:
        """Raises what it is refused for, before anything is read where the headers are enough to know."""
        try:
            if not self._has_begun:
                self._begin()
            if self._decoder is None or self._is_decoded:
                return await self._next()
            return await self._next_decoded(self._decoder)
        except _REFUSALS as refusal:
            self.refusal = refusal
            raise

    async def send(self, message: Message) -> None:
        if self.refusal is None or self.is_answered:
            self.is_answered = True
            self.let_go()  # the handler is done with it, however long its client takes to read the answer
            await self._send(message)

    def let_go(self) -> None:
        self._hold(-self._held)

    def _begin(self) -> None:
        self._has_begun = True
        self._decoder = decoder(self._announced.get("content-encoding", ""))
        length = _length(self._announced)
        self._check_size(length)
        self._under_way.check(self._in_memory(length))

    async def _next(self) -> Message:
        message = await self._receive()
        self._count(message.get("body", b""))
        return message

    async def _next_decoded(self, decoder: Decoder) -> Message:
        while not (piece := decoder.step()):
            if self._has_ended:
                decoder.end()
                self._is_decoded = True
                return {"type": "http.request", "body": b"", "more_body": False}
            message = await self._receive()
            if message["type"] != "http.request":
                return message
            decoder.feed(message.get("body", b""))
            self._has_ended = not message.get("more_body", False)
        self._count(piece)
        await asyncio.sleep(0)  # a long body in few bytes must not keep others from their turn
        return {"type": "http.request", "body": piece, "more_body": True}

    def _count(self, piece: bytes) -> None:
        self._size += len(piece)
        self._check_size(self._size)
        further = self._in_memory(self._size) - self._held
        self._under_way.check(further)
        self._hold(further)

    def _check_size(self, size: int) -> None:
        largest = self._limit.max_bytes
        if self._limit.held_bytes is None:  # more than all together may have would never be accepted
            largest = min(self._under_way.bound_bytes, self._under_way.bound_bytes if largest is None else largest)
        if largest is not None and size > largest:
            raise BodyTooLarge(largest)

    def _in_memory(self, size: int) -> int:
        return size if self._limit.held_bytes is None else min(size, self._limit.held_bytes)

    def _hold(self, further_bytes: int) -> None:
        self._held += further_bytes
        self._under_way.bytes += further_bytes


_OF_THE_CODED_BODY = (b"content-encoding", b"content-length")
_OF_BODIES = (*_OF_THE_CODED_BODY, b"transfer-encoding")


def _announced(scope: Scope) -> dict[str, str]:
    """What the headers say about a body; nothing where there is none."""
    if scope["type"] != "http":
        return {}
    found = {name.decode(): value.decode("latin-1") for name, value in scope["headers"] if name in _OF_BODIES}
    return found if "transfer-encoding" in found or _length(found) else {}


def _length(announced: Mapping[str, str]) -> int:
    """By `Content-Length`, whose form the HTTP server has checked."""
    return int(announced.get("content-length", "0"))


def _refused(request: Request, refusal: Exception) -> Response:
    response = answer(request, refusal, BODY_PROBLEMS)
    if isinstance(refusal, CodingUnsupported):
        response.headers["Accept-Encoding"] = CODINGS
    return response
