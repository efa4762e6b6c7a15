"""The two ways to send a request: blocking, or within an event loop. Nothing else knows which one it is.

What is above them is written once, as coroutines. Over a `BlockingTransport`, whose coroutines never suspend, they run
to their end without an event loop (`nettailor_client.operation.run`).
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar

import httpx

from nettailor_client.body import Bytes, File

T = TypeVar("T")

_CONNECT_S = 30.0


@dataclass(frozen=True, kw_only=True)
class Message:
    """A request as HTTP has it, but for how its body is read."""

    method: str
    url: httpx.URL
    headers: Mapping[str, str]
    body: Bytes | File
    read_s: float | None

    def timeout(self) -> httpx.Timeout:
        return httpx.Timeout(_CONNECT_S, read=self.read_s)


class Transport(Protocol):
    """Methods that send and read raise httpx's `TransportError`, those that read its `DecodingError` too."""

    async def send(self, message: Message) -> httpx.Response:
        """An answer whose body is still to be read."""

    async def read(self, response: httpx.Response) -> bytes: ...
    def chunks(self, response: httpx.Response) -> AsyncIterator[bytes]: ...
    async def release(self, response: httpx.Response) -> None: ...
    async def pause(self, seconds: float) -> None: ...

    async def aside(self, work: Callable[[], T]) -> T:
        """Do what takes a while and waits for no network, so that nobody else waits for it."""

    async def close(self) -> None: ...


class BlockingTransport:
    """A thread may still be waiting for an answer when another one closes this."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http
        self._is_closed = False

    async def send(self, message: Message) -> httpx.Response:
        body = message.body
        content = body.chunks() if isinstance(body, File) else body.data
        request = self._http.build_request(
            message.method, message.url, headers=message.headers, content=content, timeout=message.timeout()
        )
        return self._http.send(request, stream=True)

    async def read(self, response: httpx.Response) -> bytes:
        return response.read()

    async def chunks(self, response: httpx.Response) -> AsyncIterator[bytes]:
        for chunk in response.iter_bytes():
            yield chunk

    async def release(self, response: httpx.Response) -> None:
        response.close()
        if self._is_closed:
            _disconnect(response)

    async def pause(self, seconds: float) -> None:
        time.sleep(seconds)

    async def aside(self, work: Callable[[], T]) -> T:
        return work()

    async def close(self) -> None:
        self._is_closed = True
        self._http.close()


def _disconnect(response: httpx.Response) -> None:
    """A connection that was still being made when httpx closed the others has nobody else to close it."""
    stream = response.extensions.get("network_stream")
    if stream is not None:
        stream.close()


class LoopTransport:
    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def send(self, message: Message) -> httpx.Response:
        body = message.body
        content = self._read_aside(body.chunks()) if isinstance(body, File) else body.data
        request = self._http.build_request(
            message.method, message.url, headers=message.headers, content=content, timeout=message.timeout()
        )
        return await self._http.send(request, stream=True)

    async def read(self, response: httpx.Response) -> bytes:
        return await response.aread()

    async def chunks(self, response: httpx.Response) -> AsyncIterator[bytes]:
        async for chunk in response.aiter_bytes():
            yield chunk

    async def release(self, response: httpx.Response) -> None:
        await response.aclose()

    async def pause(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def aside(self, work: Callable[[], T]) -> T:
        return await asyncio.to_thread(work)

    async def close(self) -> None:
        await self._http.aclose()

    async def _read_aside(self, chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
        while (chunk := await self.aside(lambda: next(chunks, None))) is not None:
            yield chunk
