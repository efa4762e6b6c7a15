"""A client that sends any bytes it likes, and an app for it to talk to."""

import asyncio
import contextlib
import json
import select
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field

from fastapi import FastAPI, Request, Response
from fastapi.responses import StreamingResponse

from hosting.web.problems import install_problem_handlers

_PATIENCE_S = 60.0
LARGE = 32 << 20  # more than the buffers of both kernels hold


Serve = Callable[..., int]  # starts a server with the settings it is given; its port


@dataclass(frozen=True, kw_only=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def detail(self) -> str:
        assert self.headers["content-type"] == "application/problem+json"
        return str(json.loads(self.body)["detail"])


class Peer:
    """One connection."""

    def __init__(self, port: int, *, source: str = "127.0.0.1", receive_buffer: int | None = None) -> None:
        self.socket = socket.socket()
        self.socket.settimeout(_PATIENCE_S)
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        try:
            self.socket.bind((source, 0))
            self.socket.connect(("127.0.0.1", port))
        except OSError:
            self.socket.close()
            raise
        self._stream = self.socket.makefile("rb")

    def send(self, *lines: str, body: bytes = b"") -> None:
        """A head, and what follows it."""
        self.socket.sendall("".join(f"{line}\r\n" for line in (*lines, "")).encode() + body)

    def answer(self, *, to_head: bool = False) -> Answer:
        """The next one, whatever its framing."""
        first = self._stream.readline().decode()
        if not first:
            raise ConnectionError("closed without an answer")
        status = first.split(" ")[1]
        headers = {}
        while line := self._stream.readline().decode().rstrip("\r\n"):
            name, _, value = line.partition(": ")
            headers[name.lower()] = value
        return Answer(status=int(status), headers=headers, body=b"" if to_head else self._body(headers))

    def _body(self, headers: dict[str, str]) -> bytes:
        if "content-length" in headers:
            return self._stream.read(int(headers["content-length"]))
        if headers.get("transfer-encoding") != "chunked":
            return self._stream.read()
        parts = []
        while size := int(self._stream.readline(), 16):
            parts.append(self._stream.read(size))
            self._stream.readline()
        self._stream.readline()
        return b"".join(parts)

    def line(self) -> str:
        return self._stream.readline().decode().rstrip("\r\n")

    def rest(self) -> bytes:
        """All that comes until the server closes; a reset is no way to close."""
        return self._stream.read()

    def has_more(self) -> bool:
        """Whether there is something to read, the end included."""
        return bool(select.select([self.socket], [], [], 0)[0])

    def close(self) -> None:
        self._stream.close()
        self.socket.close()


@contextlib.contextmanager
def peer(port: int, *, source: str = "127.0.0.1", receive_buffer: int | None = None) -> Iterator[Peer]:
    made = Peer(port, source=source, receive_buffer=receive_buffer)
    try:
        yield made
    finally:
        made.close()


@dataclass(kw_only=True)
class House:
    """An app, and what it noticed."""

    noticed: list[str] = field(default_factory=list)

    def app(self) -> FastAPI:
        app = FastAPI(openapi_url=None)
        install_problem_handlers(app, {})

        @app.get("/ok")
        async def ok() -> Response:
            return Response(b"fine", headers={"x-mine": "1"})

        @app.post("/echo")
        async def echo(request: Request) -> Response:
            self.noticed.append("asked")
            try:
                body = await request.body()
            except Exception as failure:  # noted, and raised again for the problem handlers
                self.noticed.append(type(failure).__name__)
                raise
            return Response(str(len(body)), headers={"x-got-actor": request.headers.get("x-actor", "nobody")})

        @app.post("/refuse")
        async def refuse() -> Response:
            return Response(b"no", status_code=413)

        @app.get("/large")
        async def large() -> Response:
            self.noticed.append("asked")
            return Response(bytes(LARGE))

        @app.get("/parts")
        async def parts() -> Response:
            return StreamingResponse(iter(["one ", "two"]), media_type="text/plain")

        @app.get("/endless")
        async def endless() -> Response:
            return StreamingResponse(self._endless(), media_type="text/event-stream")

        @app.get("/flood")
        async def flood() -> Response:
            return StreamingResponse(self._flood(), media_type="text/plain")

        return app

    async def _endless(self) -> AsyncIterator[str]:
        try:
            yield "data: 1\n\n"
            await asyncio.Event().wait()
        finally:
            self.noticed.append("stream ended")

    async def _flood(self) -> AsyncIterator[bytes]:
        try:
            while True:
                yield bytes(1 << 16)
                await asyncio.sleep(0)
        finally:
            self.noticed.append("flood ended")
