"""One request passed on over HTTP/1.1 to the engine's process, and its answer as it comes (torch-free).

Every request has a connection of its own, which ends with it: so a client that goes is noticed over there, too.
"""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httptools
from starlette.types import Message, Receive, Scope, Send

from hosting.web.connection.scope import answers_endlessly, break_off, method_of
from server.errors import EngineLost, NotReady
from server.front.private_headers import PRIVATE, Header, private_headers

_CHUNK_BYTES = 64 * 1024
_OF_THE_CONNECTION = frozenset(  # RFC 9110, 7.6.1, and what is settled with the client already
    {
        *(b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"transfer-encoding", b"upgrade"),
        b"expect",
    }
)
_EVENTS = b"text/event-stream"


async def pass_on(path: Path, scope: Scope, receive: Receive, send: Send) -> None:
    """Raises `NotReady`, `EngineLost`, and what `receive` raises, as long as nothing of the answer was sent."""
    try:
        reader, writer = await asyncio.open_unix_connection(str(path), limit=_CHUNK_BYTES)
    except OSError as fault:
        raise NotReady("without its engine") from fault
    answer = _Answer(scope, send)
    asking = asyncio.create_task(_ask(writer, scope, receive))
    answering = asyncio.create_task(answer.pass_on(reader))
    try:
        await asyncio.wait((asking, answering), return_when=asyncio.FIRST_COMPLETED)
        if not answering.done() and asking.exception() is None:
            return  # the client is gone
        await (asking if asking.done() and asking.exception() is not None else answering)
    except Exception:  # whatever it is, what has begun cannot be answered otherwise any more
        if not answer.has_begun:
            raise
        break_off(scope)
    finally:
        writer.transport.abort()
        for task in (asking, answering):
            task.cancel()
        await asyncio.gather(asking, answering, return_exceptions=True)


async def _ask(writer: asyncio.StreamWriter, scope: Scope, receive: Receive) -> None:
    """Send the request; return when the client is gone."""
    headers: list[Header] = scope["headers"]
    is_chunked = any(name == b"transfer-encoding" for name, _ in headers)
    try:
        writer.write(_head(scope, is_chunked=is_chunked))
        while (message := await receive())["type"] != "http.disconnect":
            writer.write(_framed(message, is_chunked=is_chunked))
            await writer.drain()
    except OSError:  # it does not listen any more, as it has answered already
        await asyncio.Event().wait()


def _head(scope: Scope, *, is_chunked: bool) -> bytes:
    target = scope["raw_path"] + (b"?" + scope["query_string"] if scope["query_string"] else b"")
    kept = [(name, value) for name, value in scope["headers"] if name not in _OF_THE_CONNECTION | PRIVATE]
    framing = [(b"transfer-encoding", b"chunked")] if is_chunked else []
    headers = [*kept, *framing, *private_headers(scope), (b"connection", b"close")]
    lines = [b"%s %s HTTP/1.1" % (method_of(scope).encode(), target)]
    lines += [name + b": " + value for name, value in headers]
    return b"\r\n".join([*lines, b"", b""])


def _framed(message: Message, *, is_chunked: bool) -> bytes:
    body: bytes = message.get("body", b"")
    if not is_chunked:
        return body
    chunk = b"%x\r\n%s\r\n" % (len(body), body) if body else b""
    return chunk if message.get("more_body") else chunk + b"0\r\n\r\n"


class _Answer:
    """Takes an answer apart, as the parser calls back, and sends it on."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self.has_begun = False  # whether anything was sent
        self._scope = scope
        self._send = send
        self._parser = httptools.HttpResponseParser(self)
        self._headers: list[Header] = []
        self._messages: list[Message] = []
        self._is_complete = False

    async def pass_on(self, reader: asyncio.StreamReader) -> None:
        """Raises `EngineLost` where it ends too soon."""
        while not self._is_complete:
            try:
                data = await reader.read(_CHUNK_BYTES)
            except OSError as fault:
                raise EngineLost from fault
            if not data:
                raise EngineLost
            self._parser.feed_data(data)
            for message in self._taken():
                self.has_begun = True
                await self._send(message)

    def _taken(self) -> Iterator[Message]:
        messages, self._messages = self._messages, []
        yield from messages

    # What the parser calls.

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        headers = [(name, value) for name, value in self._headers if name not in _OF_THE_CONNECTION]
        if any(name == b"content-type" and value.startswith(_EVENTS) for name, value in headers):
            answers_endlessly(self._scope)
        status = self._parser.get_status_code()
        self._messages.append({"type": "http.response.start", "status": status, "headers": headers})
        if method_of(self._scope) == "HEAD":
            self.on_message_complete()

    def on_body(self, body: bytes) -> None:
        self._messages.append({"type": "http.response.body", "body": body, "more_body": True})

    def on_message_complete(self) -> None:
        if not self._is_complete:
            self._is_complete = True
            self._messages.append({"type": "http.response.body", "body": b"", "more_body": False})
