import json
import os
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from cli.errors import StreamBroken
from cli.service.client import Client
from cli.service.job_requests import is_final


def _event(number: int, kind: str, **data: object) -> str:
    return f"id: {number}\nevent: {kind}\ndata: {json.dumps(data)}\n\n"


def _client(answer: Callable[[httpx.Request], httpx.Response]) -> Client:
    return Client("http://service", transport=httpx.MockTransport(answer))


@pytest.mark.parametrize("state", ["succeeded", "failed", "cancelled"])
def test_final_states(state: str) -> None:
    assert is_final(state)
    assert not is_final("running")


def test_events_go_on_after_a_lost_connection_where_they_broke_off() -> None:
    asked: list[str | None] = []

    def answer(request: httpx.Request) -> httpx.Response:
        if not request.url.path.endswith("/events"):
            return httpx.Response(200, json={"id": "j", "state": "running" if len(asked) < 2 else "succeeded"})
        asked.append(request.headers.get("last-event-id"))
        if len(asked) == 1:
            return httpx.Response(200, text=_event(1, "stage", stage="teacher"))
        return httpx.Response(200, text=_event(2, "state", fields={"state": "succeeded"}))

    with _client(answer) as client:
        assert [event.id for event in client.events("j")] == ["1", "2"]
    assert asked == [None, "1"]


def test_the_replay_of_a_retried_job_is_followed_past_the_earlier_end() -> None:
    states = [_event(i, "state", fields={"state": s}) for i, s in enumerate(["failed", "queued", "succeeded"])]

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/events"):
            return httpx.Response(200, text="".join(states))
        return httpx.Response(200, json={"id": "j", "state": "succeeded"})

    with _client(answer) as client:
        assert [event.data["fields"]["state"] for event in client.events("j")] == ["failed", "queued", "succeeded"]


def test_a_stream_that_never_holds_is_given_up() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/events"):
            raise httpx.ReadError("reset", request=request)
        return httpx.Response(200, json={"id": "j", "state": "running"})

    with _client(answer) as client, pytest.raises(StreamBroken, match="job j"):
        list(client.events("j"))


def test_an_archive_is_sent_under_its_name_even_if_that_is_no_text(tmp_path: Path) -> None:
    archive = tmp_path / os.fsdecode(b"caf\xe9.zip")
    archive.write_bytes(b"as it is")
    sent: list[bytes] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request.read())
        return httpx.Response(202, json={"id": "j"})

    with _client(answer) as client:
        client.upload("signs", archive)
    assert b'filename="caf?.zip"' in sent[0]
    assert b"as it is" in sent[0]


def test_a_look_takes_as_long_as_it_takes(tmp_path: Path) -> None:
    (tmp_path / "signs.zip").write_bytes(b"PK")
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json={"layout": None})

    with _client(answer) as client:
        assert client.inspect(tmp_path / "signs.zip", task="signs", group_by="a b") == {"layout": None}
        client.upload("signs", tmp_path / "signs.zip")
    look, upload = asked
    assert (look.url.path, look.url.query) == ("/datasets/inspect", b"task=signs&group_by=a+b")
    assert look.extensions["timeout"]["read"] is None
    assert upload.extensions["timeout"]["read"] is not None
