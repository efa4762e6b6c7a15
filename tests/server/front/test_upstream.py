"""What a front passes on is answered as if it had not: bodies and answers in both directions, as they come."""

import asyncio
import contextlib
import os
import socket
import tempfile
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from hosting.settings.settings import Settings
from hosting.web.connection.config import BoundedConfig
from hosting.web.connection.limits import limits_of
from server.errors import EngineLost, NotReady
from server.front.private_headers import FromFront
from server.front.upstream import pass_on
from tests.hosting.web.connection.peer import peer
from tests.serving import PromptServer, served


class Engine:
    """An app behind a front, and what it has seen."""

    def __init__(self) -> None:
        self.app = FastAPI(openapi_url=None)
        self.gone = threading.Event()
        self.go_on = threading.Event()
        self.app.post("/echo")(self.echo)
        self.app.post("/refuse")(self.refuse)
        self.app.get("/about/{name:path}")(self.about)
        self.app.get("/events")(self.events)
        self.app.get("/nothing")(self.nothing)

    async def echo(self, request: Request) -> Response:
        body = await request.body()
        return Response(body, headers={"X-Length": request.headers.get("content-length", "none")})

    async def refuse(self) -> Response:
        return PlainTextResponse("too large", status_code=413)

    async def about(self, request: Request, name: str) -> dict[str, Any]:
        scope = request.scope
        return {
            "client": scope["client"],
            "method": scope["method"],
            "path": scope["raw_path"].decode(),
            "query": scope["query_string"].decode(),
            "headers": sorted(set(request.headers) - {"user-agent", "accept", "accept-encoding"}),
        }

    async def nothing(self) -> Response:
        return Response(status_code=204)

    async def events(self) -> Response:
        async def tell() -> AsyncIterator[bytes]:
            yield b"data: 1\n\n"
            try:
                while not self.go_on.is_set():
                    await asyncio.sleep(0.01)  # between looks at what the test wants
                yield b"data: 2\n\n"
            finally:
                self.gone.set()

        return StreamingResponse(tell(), media_type="text/event-stream")


@contextlib.contextmanager
def _behind(app: Any, path: Path) -> Iterator[None]:
    config = BoundedConfig(FromFront(app), limits_of(Settings()), loop="asyncio", log_config=None, lifespan="off")
    config.proxy_headers = config.server_header = config.date_header = False
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        server = PromptServer(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield
        finally:
            server.stop()
            thread.join(timeout=30)


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine()


@pytest.fixture(scope="module")
def url(engine: Engine) -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:  # whose name is short enough for a socket
        path = Path(folder) / "http.sock"

        async def front(scope: Scope, receive: Receive, send: Send) -> None:
            try:
                await pass_on(path, scope, receive, send)
            except (NotReady, EngineLost) as failure:
                await PlainTextResponse(type(failure).__name__, status_code=503)(scope, receive, send)

        with _behind(engine.app, path), served(front) as url:
            yield url


@pytest.fixture(scope="module")
def client(url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url, trust_env=False, timeout=30) as client:
        yield client


@pytest.mark.parametrize("size", [0, 1, 300_000])
def test_bodies_of_known_and_unknown_length(client: httpx.Client, size: int) -> None:
    body = os.urandom(size)
    known = client.post("/echo", content=body)
    assert (known.content, known.headers["x-length"]) == (body, str(size))
    chunked = client.post("/echo", content=iter([body[:100], body[100:]]))
    assert (chunked.content, chunked.headers["x-length"]) == (body, "none")


def test_a_request_looks_as_it_came(client: httpx.Client, url: str) -> None:
    headers = {"X-Other": "1", "Connection": "keep-alive, x-hop", "X-Nettailor-Client": "1 forged", "TE": "trailers"}
    told = client.get("/about/a%2Fb%20c?x=%20&y=1", headers=headers).json()
    host, port = told.pop("client")
    assert host == "127.0.0.1"
    assert port not in (0, 1)
    assert told == {
        "method": "GET",
        "path": "/about/a%2Fb%20c",
        "query": "x=%20&y=1",
        "headers": ["connection", "host", "x-other"],
    }


def test_head_and_an_answer_without_a_body(client: httpx.Client) -> None:
    whole = client.get("/about/x")
    head = client.head("/about/x")
    assert (head.status_code, head.content) == (200, b"")
    assert int(head.headers["content-length"]) >= len(whole.content) - 20  # without the port, which differs
    nothing = client.get("/nothing")
    assert (nothing.status_code, nothing.content) == (204, b"")
    assert nothing.headers.get_list("date") == [nothing.headers["date"]]


def test_who_is_refused_early_hears_of_it_while_still_sending(url: str) -> None:
    with peer(httpx.URL(url).port or 0) as sender:
        sender.send("POST /refuse HTTP/1.1", "Host: localhost", "Content-Length: 1000000", body=bytes(1000))
        assert sender.answer().status == 413


def test_events_come_as_they_are_told(client: httpx.Client, engine: Engine) -> None:
    engine.gone.clear()
    with client.stream("GET", "/events") as answer:
        pieces = answer.iter_raw()
        assert next(pieces) == b"data: 1\n\n"
        engine.go_on.set()
        assert b"".join(pieces) == b"data: 2\n\n"
    engine.go_on.clear()


def test_the_engine_hears_of_a_client_that_goes(url: str, engine: Engine) -> None:
    engine.gone.clear()
    engine.go_on.clear()
    with httpx.stream("GET", f"{url}/events", trust_env=False) as answer:
        assert next(answer.iter_raw()) == b"data: 1\n\n"
    assert engine.gone.wait(30)


def test_without_an_engine_it_is_said(tmp_path: Path) -> None:
    async def front(scope: Scope, receive: Receive, send: Send) -> None:
        with pytest.raises(NotReady, match="without its engine"):
            await pass_on(tmp_path / "nobody.sock", scope, receive, send)
        await PlainTextResponse("told", status_code=503)(scope, receive, send)

    with served(front) as url:
        assert httpx.get(url, trust_env=False).text == "told"


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"], ids=["nothing", "half"])
def test_an_engine_that_dies_is_told_or_the_connection_ends(said: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as listener:
        path = Path(folder) / "http.sock"
        listener.bind(str(path))
        listener.listen()

        async def front(scope: Scope, receive: Receive, send: Send) -> None:
            try:
                await pass_on(path, scope, receive, send)
            except EngineLost:
                await PlainTextResponse("lost", status_code=503)(scope, receive, send)

        def die() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(said)

        thread = threading.Thread(target=die)
        thread.start()
        with served(front) as url:
            if said:
                with pytest.raises(httpx.RemoteProtocolError):
                    httpx.get(url, trust_env=False)
            else:
                assert httpx.get(url, trust_env=False).text == "lost"
        thread.join(30)
