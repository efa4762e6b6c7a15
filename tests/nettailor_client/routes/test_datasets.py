"""Uploads, as they are sent."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from nettailor_client import Patience
from nettailor_client.errors import Malformed, Overloaded
from tests.answers import job
from tests.nettailor_client.mocked import mocked, mocked_loop, noted_pauses


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    return noted_pauses(monkeypatch)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    (tmp_path / "signs.zip").write_bytes(b"PK" * 300_000)
    return tmp_path / "signs.zip"


def _accepted(status: int = 202) -> httpx.Response:
    return httpx.Response(status, json=job(id="j").as_json())


def test_an_upload_whose_answer_is_lost_is_sent_again_as_the_same(archive: Path, pauses: list[float]) -> None:
    sent: list[tuple[str | None, bytes]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append((request.headers.get("idempotency-key"), request.read()))
        if len(sent) == 1:
            raise httpx.ReadTimeout("slow", request=request)
        return httpx.Response(503) if len(sent) == 2 else _accepted()

    waits: list[int] = []
    with mocked(answer) as client:
        assert client.upload("signs", archive, waiting=lambda: waits.append(1)).id == "j"
        client.upload("signs", archive.read_bytes())
    keys = [key for key, _ in sent]
    assert keys[0] is not None
    assert keys[:3] == [keys[0]] * 3
    assert keys[3] not in (None, keys[0])
    assert {body for _, body in sent} == {archive.read_bytes()}
    assert len(waits) == len(pauses) == 2


def test_an_upload_that_is_refused_is_not_sent_again(archive: Path, pauses: list[float]) -> None:
    sent: list[int] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(1)
        return httpx.Response(422, json={"detail": "no images"})

    with mocked(answer) as client, pytest.raises(Malformed, match="no images"):
        client.upload("signs", archive)
    assert (sent, pauses) == ([1], [])


def test_whoever_may_open_no_more_jobs_hears_of_it_soon(archive: Path, pauses: list[float]) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(429, json={"detail": "4 jobs are open"}, headers={"Retry-After": "60"})

    with mocked(answer) as client, pytest.raises(Overloaded, match="4 jobs are open"):
        client.upload("signs", archive)
    assert pauses == []


def test_a_file_is_read_while_it_is_sent(archive: Path) -> None:
    """In an event loop, too, which goes on meanwhile."""
    told: list[tuple[int, int]] = []
    asked: list[httpx.Request] = []
    total = archive.stat().st_size

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return _accepted()

    with mocked(answer) as client:
        client.upload("signs", archive, options={"preset": "fast", "seed": None}, progress=lambda *at: told.append(at))
    assert told[0] == (0, total)
    assert told[-1] == (total, total)
    assert told == sorted(told)
    assert len(told) == 4

    async def ask() -> None:
        async with mocked_loop(answer, Patience()) as client:
            await client.upload("signs", archive, progress=lambda *at: told.append(at))

    asyncio.run(ask())
    assert told[:4] == told[4:]
    assert [request.headers["content-length"] for request in asked] == 2 * [str(total)]
    assert [request.url.query for request in asked] == [b"preset=fast", b""]
    assert isinstance(asked[1].stream, AsyncIterator) or asked[1].read() == archive.read_bytes()


def test_a_look_takes_as_long_as_it_takes(archive: Path) -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json={"layout": None}) if "inspect" in request.url.path else _accepted()

    with mocked(answer) as client:
        assert client.inspect(archive, task="signs", group_by="a b").layout is None
        client.upload("signs", archive)
    look, upload = asked
    assert (look.url.path, look.url.query) == ("/datasets/inspect", b"task=signs&group_by=a+b")
    assert look.extensions["timeout"]["read"] is None
    assert upload.extensions["timeout"]["read"] == 600
