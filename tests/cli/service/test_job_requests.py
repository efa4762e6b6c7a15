import json
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.errors import RequestRefused, ServiceUnreachable, StreamBroken
from cli.service.client import Client, ServerSentEvent, is_final, parse_events


def _event(number: int, kind: str, **data: object) -> str:
    return f"id: {number}\nevent: {kind}\ndata: {json.dumps(data)}\n\n"


def test_events_are_read_as_the_standard_says() -> None:
    lines = [
        ": a comment",
        "id: 7-0",
        "event: epoch",
        'data: {"loss":',
        "data: 0.5}",
        "",
        "event: kept out, it has no data",
        "",
        'data:{"stage":"student"}',
        "",
    ]
    assert list(parse_events(lines)) == [
        ServerSentEvent(id="7-0", event="epoch", data={"loss": 0.5}),
        ServerSentEvent(id="7-0", event="message", data={"stage": "student"}),
    ]


def test_an_event_cut_off_by_a_lost_connection_is_not_delivered() -> None:
    assert list(parse_events(["id: 1", 'data: {"stage":'])) == []


@given(st.lists(st.dictionaries(st.text(), st.integers() | st.text()), max_size=5))
def test_every_json_document_survives_the_stream(documents: list[dict[str, int | str]]) -> None:
    lines = [line for document in documents for line in (f"data: {json.dumps(document)}", "")]
    assert [event.data for event in parse_events(lines)] == documents


@pytest.mark.parametrize("state", ["succeeded", "failed", "cancelled"])
def test_final_states(state: str) -> None:
    assert is_final(state)
    assert not is_final("running")


@contextmanager
def _client(handler: httpx.MockTransport) -> Iterator[Client]:
    with Client("http://service/") as client:
        client._http = httpx.Client(base_url=client.url, transport=handler)
        yield client


def test_events_go_on_after_a_lost_connection_where_they_broke_off() -> None:
    asked: list[str | None] = []

    def answer(request: httpx.Request) -> httpx.Response:
        if not request.url.path.endswith("/events"):
            return httpx.Response(200, json={"id": "j", "state": "running" if len(asked) < 2 else "succeeded"})
        asked.append(request.headers.get("last-event-id"))
        if len(asked) == 1:
            return httpx.Response(200, text=_event(1, "stage", stage="teacher"))
        return httpx.Response(200, text=_event(2, "state", fields={"state": "succeeded"}))

    with _client(httpx.MockTransport(answer)) as client:
        assert [event.id for event in client.events("j")] == ["1", "2"]
    assert asked == [None, "1"]


def test_the_replay_of_a_retried_job_is_followed_past_the_earlier_end() -> None:
    states = [_event(i, "state", fields={"state": s}) for i, s in enumerate(["failed", "queued", "succeeded"])]

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/events"):
            return httpx.Response(200, text="".join(states))
        return httpx.Response(200, json={"id": "j", "state": "succeeded"})

    with _client(httpx.MockTransport(answer)) as client:
        assert [event.data["fields"]["state"] for event in client.events("j")] == ["failed", "queued", "succeeded"]


def test_a_stream_that_never_holds_is_given_up() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/events"):
            raise httpx.ReadError("reset", request=request)
        return httpx.Response(200, json={"id": "j", "state": "running"})

    with _client(httpx.MockTransport(answer)) as client, pytest.raises(StreamBroken, match="job j"):
        list(client.events("j"))


def test_a_problem_document_becomes_one_sentence() -> None:
    problem = {"title": "unknown task", "detail": "no task 'x'", "request_id": "abc"}

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(404, json=problem)

    with _client(httpx.MockTransport(answer)) as client, pytest.raises(RequestRefused) as caught:
        client.task("x")
    assert str(caught.value) == "GET /tasks/x: 404 no task 'x' (request abc)"


def test_nothing_there() -> None:
    with Client("http://127.0.0.1:9") as client:
        assert not client.is_ready()
        with pytest.raises(ServiceUnreachable, match="nettailor up"):
            client.tasks()
