"""One caller's requests to one service: what is sent again, and what a refusal becomes. Written once, for both
transports."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

import httpx

from nettailor_client.body import NO_BODY, Bytes, File, Images
from nettailor_client.errors import REFUSALS, AnswerUnusable, ArgumentUnusable, RequestRefused, ServiceUnreachable
from nettailor_client.patience import Patience, Tries
from nettailor_client.request import Answer, Request, Waiting
from nettailor_client.transport import Message, Transport

T = TypeVar("T")

# Nothing was sent yet when these were raised.
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_NOT_BEGUN = 429  # refused before anything was done
_AWAY = frozenset({502, 503})  # a service without its Redis, or a proxy without its service
_AWAY_FOR_LONG = _AWAY | {504}  # to what has no deadline of its own, a proxy says so


@dataclass(frozen=True, kw_only=True)
class Session:
    """`headers` go with every request."""

    url: str
    transport: Transport
    headers: Mapping[str, str]
    patience: Patience

    async def ask(self, request: Request[T]) -> T:
        """Send it until it is answered, the patience is used up, or what went wrong will not pass.

        Raises `ServiceUnreachable`, `RequestRefused`, and what reading the answer raises.
        """
        return await self.repeated(request, self.ask_once)

    async def repeated(self, request: Request[T], attempt: Callable[[Request[T]], Awaitable[T]]) -> T:
        """The same of another way to send it once."""
        request, tries = await self._encoded(request), Tries()
        while True:
            try:
                return await attempt(request)
            except (ServiceUnreachable, RequestRefused) as error:
                if not may_pass(request, error):
                    raise
                if not await self.wait(tries, error, request.waiting, is_long=request.is_long):
                    raise

    async def ask_once(self, request: Request[T]) -> T:
        """Raises as `ask`."""
        async with self.answered(request) as response:
            content = await self.transport.read(response)
        return request.parse(Answer(path=request.path, headers=response.headers, content=content))

    @asynccontextmanager
    async def answered(self, request: Request[Any]) -> AsyncIterator[httpx.Response]:
        """An answer whose body is read within. Raises `ServiceUnreachable`, `RequestRefused`, `AnswerUnusable`."""
        try:
            response = await self.transport.send(self._message(request))
            try:
                if not response.is_success:
                    raise _refusal(request, response, await self.transport.read(response))
                yield response
            finally:
                await self.transport.release(response)
        except httpx.TransportError as error:
            raise ServiceUnreachable(self.url, str(error), arrived=not isinstance(error, _NEVER_SENT)) from error
        except httpx.DecodingError as error:
            raise AnswerUnusable(request.path, str(error)) from error

    async def wait(
        self, tries: Tries, error: ServiceUnreachable | RequestRefused | None, waiting: Waiting, *, is_long: bool
    ) -> bool:
        """Pause before another attempt, which `waiting` is told; False, at once, if there is to be none."""
        refusal = error if isinstance(error, RequestRefused) else None
        is_busy = refusal is not None and refusal.status == _NOT_BEGUN
        pause_s = tries.pause_s(
            patience_s=self.patience.long_seconds if is_long and not is_busy else self.patience.seconds,
            retry_after_s=None if refusal is None else refusal.retry_after_s,
        )
        if pause_s is None:
            return False
        waiting()
        await self.transport.pause(pause_s)
        return True

    async def _encoded(self, request: Request[T]) -> Request[T]:
        """With images as the files that are sent, again too if need be."""
        body = request.body
        if isinstance(body, Images):
            return replace(request, body=await self.transport.aside(body.encoded))
        return request

    def _message(self, request: Request[Any]) -> Message:
        """Raises `ArgumentUnusable`."""
        body = request.body
        assert not isinstance(body, Images)  # they are encoded, whatever is repeated
        return Message(
            method=request.method,
            url=self._url(request),
            headers={**self.headers, **_describing(body), **request.headers},
            body=body,
            read_s=request.read_s,
        )

    def _url(self, request: Request[Any]) -> httpx.URL:
        try:
            return httpx.URL(self.url + request.path, params=request.query or None)
        except UnicodeEncodeError as error:  # as of an argument of a command that was no UTF-8
            raise ArgumentUnusable(f"no text that could be sent: {error.object!a}") from error
        except httpx.InvalidURL as error:
            raise ArgumentUnusable(f"{request.path[:100]}: what was named makes no URL: {error}") from error


def session(
    url: str, transport: Transport, *, key: str | None = None, actor: str | None = None, patience: Patience
) -> Session:
    """Raises `ArgumentUnusable` for a URL, a key or an actor that none can be."""
    headers = {}
    for name, value, header in (("key", key, "Authorization"), ("actor", actor, "X-Actor")):
        text = (value or "").strip()  # a header's value neither begins nor ends with spaces
        if not (text.isascii() and text.isprintable()):
            raise ArgumentUnusable(f"the {name} holds characters that no {name} has")
        if text:
            headers[header] = f"Bearer {text}" if name == "key" else text
    try:
        address = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise ArgumentUnusable(f"{url!r} is no URL: {error}") from error
    if address.scheme not in ("http", "https") or not address.host:
        raise ArgumentUnusable(f"{url!r} is no URL of a service: it begins with http:// or https://")
    service, mark, _ = url.replace("#", "?").partition("?")
    if mark:  # as in the link to a page, whose token is not for the screen
        raise ArgumentUnusable(f"what has a '?' or '#' is no URL of a service: give what stands before it, {service!r}")
    return Session(url=url.rstrip("/"), transport=transport, headers=headers, patience=patience)


def may_pass(request: Request[Any], error: ServiceUnreachable | RequestRefused) -> bool:
    """Whether the same request may succeed a while later, and does no harm if the first one did arrive."""
    if isinstance(error, ServiceUnreachable):
        return request.repeatable or not error.arrived
    if error.status == _NOT_BEGUN:
        return True
    return request.repeatable and error.status in (_AWAY_FOR_LONG if request.is_long else _AWAY)


def _describing(body: Bytes | File) -> dict[str, str]:
    """Headers that describe a body."""
    if body is NO_BODY:
        return {}
    size_bytes = body.size_bytes() if isinstance(body, File) else len(body.data)
    return {"Content-Type": body.media_type, "Content-Length": str(size_bytes)}


def _refusal(request: Request[Any], response: httpx.Response, content: bytes) -> RequestRefused:
    try:
        problem = response.json()
    except ValueError:  # a page of a proxy
        problem = {}
    return REFUSALS.get(response.status_code, RequestRefused)(
        request.method,
        request.path,
        response.status_code,
        response.reason_phrase,
        problem if isinstance(problem, dict) else {},
        request_id=response.headers.get("x-request-id"),
        retry_after_s=_seconds(response.headers.get("retry-after")),
    )


def _seconds(retry_after: str | None) -> float | None:
    """Until the time that a `Retry-After` names, as a number of seconds or as a date."""
    if retry_after is None:
        return None
    if retry_after.isdecimal():
        return float(retry_after)
    try:
        return max(0.0, parsedate_to_datetime(retry_after).timestamp() - time.time())
    except ValueError:
        return None
