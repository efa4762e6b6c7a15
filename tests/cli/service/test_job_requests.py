import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from cli.errors import RequestRefused, StreamBroken
from cli.service.client import Client
from cli.service.job_requests import is_final
from cli.service.patience import Patience


def _event(number: int, kind: str, **data: object) -> str:
    return f"id: {number}\nevent: {kind}\ndata: {json.dumps(data)}\n\n"


def _client(answer: Callable[[httpx.Request], httpx.Response], pauses: list[float] | None = None) -> Client:
    """Pauses are noted instead of waited for."""
    noted: list[float] = [] if pauses is None else pauses
    patience = Patience(pause=noted.append)
    return Client("http://service", transport=httpx.MockTransport(answer), patience=patience)


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


def test_a_stream_that_never_holds_is_given_up_after_growing_pauses() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/events"):
            raise httpx.ReadError("reset", request=request)
        return httpx.Response(200, json={"id": "j", "state": "running"})

    pauses: list[float] = []
    waits: list[int] = []
    with _client(answer, pauses) as client, pytest.raises(StreamBroken, match="job j"):
        list(client.events("j", waiting=lambda: waits.append(len(pauses))))
    assert pauses == sorted(pauses)
    assert 500 < sum(pauses) <= 600
    assert waits == list(range(len(pauses) + 1))


def test_events_survive_a_restart_of_the_service() -> None:
    """It does not answer at all, then a proxy says so, then it is back; where the stream broke off, it goes on."""
    away: Iterator[Exception | httpx.Response] = iter(
        [httpx.ConnectError("refused"), httpx.Response(502), httpx.Response(503)]
    )
    asked: list[str | None] = []

    def answer(request: httpx.Request) -> httpx.Response:
        if not request.url.path.endswith("/events"):
            return httpx.Response(200, json={"id": "j", "state": "running" if len(asked) < 5 else "succeeded"})
        asked.append(request.headers.get("last-event-id"))
        if len(asked) == 1:
            return httpx.Response(200, text=_event(1, "stage", stage="teacher"))
        trouble = next(away, None)
        if isinstance(trouble, httpx.Response):
            return trouble
        if isinstance(trouble, Exception):
            raise trouble
        return httpx.Response(200, text=_event(2, "state", fields={"state": "succeeded"}))

    pauses: list[float] = []
    with _client(answer, pauses) as client:
        assert [event.id for event in client.events("j")] == ["1", "2"]
    assert asked == [None, "1", "1", "1", "1"]
    assert len(pauses) == 4


def test_what_will_not_pass_ends_the_events_at_once() -> None:
    with _client(lambda request: httpx.Response(401)) as client, pytest.raises(RequestRefused, match="401"):
        list(client.events("j"))


def test_an_upload_whose_answer_is_lost_is_sent_again_as_the_same(tmp_path: Path) -> None:
    (tmp_path / "signs.zip").write_bytes(b"PK")
    sent: list[tuple[str | None, bytes]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append((request.headers.get("idempotency-key"), request.read()))
        if len(sent) == 1:
            raise httpx.ReadTimeout("slow", request=request)
        return httpx.Response(503 if len(sent) == 2 else 202, json={"id": "j"})

    pauses: list[float] = []
    waits: list[int] = []
    with _client(answer, pauses) as client:
        assert client.upload("signs", tmp_path / "signs.zip", waiting=lambda: waits.append(1)) == {"id": "j"}
        client.upload("signs", tmp_path / "signs.zip")
    keys = [key for key, _ in sent]
    assert keys[0] is not None
    assert keys[:3] == [keys[0]] * 3
    assert keys[3] not in (None, keys[0])
    assert all(b"PK" in body for _, body in sent)
    assert len(waits) == len(pauses) == 2


def test_an_upload_that_is_refused_is_not_sent_again(tmp_path: Path) -> None:
    (tmp_path / "signs.zip").write_bytes(b"PK")
    sent: list[int] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(1)
        return httpx.Response(422, json={"detail": "no images"})

    with _client(answer) as client, pytest.raises(RequestRefused, match="no images"):
        client.upload("signs", tmp_path / "signs.zip")
    assert sent == [1]


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
    assert upload.extensions["timeout"]["read"] == 600
