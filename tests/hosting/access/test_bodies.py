"""Bodies of requests are bounded, each and together, as they come and as they are once unpacked."""

import gzip
import threading
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request, Response
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from hosting.access.authorization import install_access
from hosting.access.body_limit import JSON_BODY, STREAMED_BODY, BodyLimit
from hosting.access.endpoint import endpoint
from hosting.access.route_table import Route, RouteTable
from hosting.settings.settings import Settings
from hosting.web.problems import install_problem_handlers
from tests.serving import served

LIMIT = 3_000
BOUND = 3 * 2**20

LOOK = Route(method="GET", path="/look", scope="read")
SAY = Route(method="POST", path="/say", scope="read")
TAKE = Route(method="POST", path="/take", scope="read", body=BodyLimit(max_bytes=LIMIT))
HOLD = Route(method="POST", path="/hold", scope="read", body=BodyLimit(max_bytes=None))
RETELL = Route(method="POST", path="/retell", scope="read", body=BodyLimit(max_bytes=None))
STREAM = Route(method="POST", path="/stream", scope="read", body=STREAMED_BODY)


class Gate:
    """Holds up the requests to `HOLD` once their body was read."""

    def __init__(self) -> None:
        self.arrived = threading.Semaphore(0)
        self.opened = threading.Event()

    def wait(self) -> None:
        self.arrived.release()
        assert self.opened.wait(30)


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.opened.set()


@pytest.fixture
def http(gate: Gate) -> Iterator[httpx.Client]:
    app = FastAPI()
    table = RouteTable([LOOK, SAY, TAKE, HOLD, RETELL, STREAM])
    install_access(app, Settings(bodies_bound_bytes=BOUND), table, rate_refused=lambda: None)
    install_problem_handlers(app, {})

    @endpoint(app, LOOK)
    def look() -> str:
        return "seen"

    @endpoint(app, SAY)
    def say(said: dict[str, Any]) -> int:
        return len(said)

    @endpoint(app, TAKE)
    async def take(request: Request) -> int:
        return len(await request.body())

    @endpoint(app, HOLD)
    async def hold(request: Request) -> int:
        body = await request.body()
        await run_in_threadpool(gate.wait)
        return len(body)

    @endpoint(app, RETELL)
    async def retell(request: Request) -> Response:
        await request.body()
        return StreamingResponse(iter([bytes(2**20)] * 64))

    @endpoint(app, STREAM)
    async def stream(request: Request) -> int:
        return sum([len(chunk) async for chunk in request.stream()])

    with served(app) as url, httpx.Client(base_url=url, trust_env=False, timeout=30) as http:
        yield http


def kind(answer: httpx.Response) -> str:
    return str(answer.json()["type"]).removeprefix("urn:nettailor:problem:")


@pytest.mark.parametrize("is_announced", [True, False])
def test_a_body_may_be_as_long_as_its_route_says(http: httpx.Client, is_announced: bool) -> None:
    def body(size: int) -> bytes | Iterator[bytes]:
        return bytes(size) if is_announced else iter([bytes(size - 100), bytes(100)])

    assert http.post("/take", content=body(LIMIT)).json() == LIMIT
    refused = http.post("/take", content=body(LIMIT + 1))
    assert (refused.status_code, kind(refused)) == (413, "body-too-large")
    assert refused.json()["instance"] == "/take"
    assert refused.headers["X-Request-Id"]


def test_json_that_the_framework_reads_is_refused_as_too_large_and_not_as_malformed(http: httpx.Client) -> None:
    assert http.post("/say", json={"a": 1}).json() == 1
    assert JSON_BODY.max_bytes is not None
    for content in (b" " * (JSON_BODY.max_bytes + 1), iter([b"{", b" " * JSON_BODY.max_bytes, b"}"])):
        refused = http.post("/say", content=content, headers={"Content-Type": "application/json"})
        assert (refused.status_code, kind(refused)) == (413, "body-too-large")


def test_what_takes_no_body_says_so(http: httpx.Client) -> None:
    assert http.get("/look").status_code == 200
    assert http.request("GET", "/look", content=b"").status_code == 200
    for content in (b"{}", iter([b"{}"])):
        refused = http.request("GET", "/look", content=content)
        assert (refused.status_code, kind(refused)) == (413, "body-too-large")


def _bare_deflate(data: bytes) -> bytes:
    deflating = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return deflating.compress(data) + deflating.flush()


@pytest.mark.parametrize(
    ("coding", "pack"),
    [
        ("gzip", gzip.compress),
        ("X-GZip", gzip.compress),
        ("deflate", zlib.compress),
        ("deflate", _bare_deflate),
        ("identity", bytes),
        ("", bytes),
    ],
)
@pytest.mark.parametrize("is_announced", [True, False])
def test_content_codings_are_undone(http: httpx.Client, coding: str, pack: Any, is_announced: bool) -> None:
    data = pack(bytes(range(250)) * 12)
    content = data if is_announced else iter([data[:1], data[1:50], data[50:]])
    assert http.post("/take", content=content, headers={"Content-Encoding": coding}).json() == LIMIT
    headers = {"Content-Encoding": coding, "Content-Type": "application/json"}
    assert http.post("/say", content=pack(b'{"a": 1}'), headers=headers).json() == 1


def test_a_body_may_be_no_longer_for_being_packed(http: httpx.Client) -> None:
    for size in (LIMIT + 1, 200_000):
        refused = http.post("/take", content=gzip.compress(bytes(size), mtime=0), headers={"Content-Encoding": "gzip"})
        assert (refused.status_code, kind(refused)) == (413, "body-too-large")


@pytest.mark.parametrize(
    ("coding", "content", "status", "named"),
    [
        ("br", b"x", 415, "'br'"),
        ("gzip, gzip", b"x", 415, "'gzip, gzip'"),
        ("gzip", b"no gzip", 422, "gzip"),
        ("gzip", gzip.compress(b"some text", mtime=0)[:-4], 422, "ends too early"),
        ("gzip", gzip.compress(b"some text", mtime=0) + b"more", 422, "follows"),
        ("deflate", b"\xff\xff\xff", 422, "deflate"),
    ],
)
def test_what_cannot_be_undone_is_refused_by_name(
    http: httpx.Client, coding: str, content: bytes, status: int, named: str
) -> None:
    refused = http.post("/take", content=content, headers={"Content-Encoding": coding})
    assert refused.status_code == status
    assert named in refused.json()["detail"]
    assert refused.headers.get("Accept-Encoding") == ("gzip, deflate" if status == 415 else None)


def test_the_bodies_under_way_are_bounded_together(http: httpx.Client, gate: Gate) -> None:
    with ThreadPoolExecutor(2) as threads:
        held = [threads.submit(http.post, "/hold", content=bytes(BOUND // 2 - 500)) for _ in range(2)]
        for _ in held:
            assert gate.arrived.acquire(timeout=30)
        assert http.post("/take", content=bytes(1_000)).json() == 1_000
        for content in (bytes(1_001), iter([bytes(1_000), b"x"])):
            refused = http.post("/take", content=content)
            assert (refused.status_code, kind(refused)) == (429, "bodies-too-many")
            assert int(refused.headers["Retry-After"]) >= 1
        assert http.post("/stream", content=bytes(2_000)).status_code == 429
        gate.opened.set()
        assert [each.result().status_code for each in held] == [200, 200]
    assert http.post("/take", content=bytes(LIMIT)).json() == LIMIT
    assert http.post("/hold", content=bytes(BOUND)).json() == BOUND


def test_who_does_not_read_the_answer_keeps_nobody_out(http: httpx.Client, gate: Gate) -> None:
    gate.opened.set()
    with http.stream("POST", "/retell", content=bytes(2 * 2**20)) as unread:
        assert unread.status_code == 200
        assert http.post("/hold", content=bytes(2 * 2**20)).json() == 2 * 2**20


def test_what_alone_is_too_much_is_never_told_to_come_again(http: httpx.Client) -> None:
    refused = http.post("/hold", content=bytes(BOUND + 1))
    assert (refused.status_code, kind(refused)) == (413, "body-too-large")


def test_a_body_that_is_streamed_counts_with_its_buffer(http: httpx.Client) -> None:
    assert http.post("/stream", content=bytes(2 * BOUND)).json() == 2 * BOUND
