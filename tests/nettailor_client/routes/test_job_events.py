import asyncio
import json
from collections.abc import Iterator

import httpx
import pytest

from nettailor_client import Patience
from nettailor_client.answers.jobs import is_final
from nettailor_client.errors import AnswerUnusable, ServiceUnreachable, StreamBroken, Unauthorized
from tests.answers import job
from tests.nettailor_client.mocked import mocked, mocked_loop, noted_pauses


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    return noted_pauses(monkeypatch)


def _event(number: int, kind: str, **data: object) -> str:
    return f"id: {number}\nevent: {kind}\ndata: {json.dumps({'kind': kind, **data})}\n\n"


_ENDED = _event(2, "state", fields={"state": "succeeded"})


class Service:
    """Tells of one job: at first it is a teacher, at last, when it was asked so often, it has succeeded. In between it
    answers with the troubles, one after the other."""

    def __init__(self, *troubles: Exception | httpx.Response) -> None:
        self._troubles = iter(troubles)
        self._last = 2 + len(troubles)
        self.asked: list[str | None] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if not request.url.path.endswith("/events"):
            state = "running" if len(self.asked) < self._last else "succeeded"
            return httpx.Response(200, json=job(id="j", state=state).as_json())
        self.asked.append(request.headers.get("last-event-id"))
        if len(self.asked) == 1:
            return httpx.Response(200, text=_event(1, "stage", stage="teacher"))
        trouble = next(self._troubles, None)
        if isinstance(trouble, Exception):
            raise trouble
        return trouble or httpx.Response(200, text=_ENDED)


@pytest.mark.parametrize("state", ["succeeded", "failed", "cancelled"])
def test_final_states(state: str) -> None:
    assert is_final(state)
    assert job(state=state).has_ended
    assert not is_final("running")


def test_events_go_on_after_a_lost_connection_where_they_broke_off() -> None:
    service = Service()
    with mocked(service) as client:
        first, last = client.events("j")
    assert service.asked == [None, "1"]
    assert (first.id, first.kind, first.stage, first.state) == ("1", "stage", "teacher", None)
    assert (last.id, last.kind, last.state) == ("2", "state", "succeeded")
    with mocked(service := Service()) as client:
        list(client.events("j", after="0-7"))
    assert service.asked == ["0-7", "1"]


def test_events_survive_a_restart_of_the_service(pauses: list[float]) -> None:
    """It does not answer at all, then a proxy says so, then it is back; where the stream broke off, it goes on."""
    service = Service(httpx.ConnectError("refused"), httpx.Response(502), httpx.Response(503), httpx.Response(504))
    with mocked(service) as client:
        assert [event.id for event in client.events("j")] == ["1", "2"]
    assert service.asked == [None, *5 * ["1"]]
    assert len(pauses) == 5


def test_the_same_within_an_event_loop(pauses: list[float]) -> None:
    service = Service(httpx.ConnectError("refused"))

    async def follow() -> list[str | None]:
        async with mocked_loop(service, Patience()) as client:
            return [event.id async for event in client.events("j")]

    assert asyncio.run(follow()) == ["1", "2"]
    assert len(pauses) == 2


def test_the_end_of_a_job_is_waited_for() -> None:
    with mocked(Service()) as client:
        assert client.wait("j").state == "succeeded"


def test_the_replay_of_a_retried_job_is_followed_past_the_earlier_end() -> None:
    states = [_event(i, "state", fields={"state": s}) for i, s in enumerate(["failed", "queued", "succeeded"])]

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/events"):
            return httpx.Response(200, text="".join(states))
        return httpx.Response(200, json=job(state="succeeded").as_json())

    with mocked(answer) as client:
        assert [event.state for event in client.events("j")] == ["failed", "queued", "succeeded"]


def test_a_stream_that_never_holds_is_given_up_after_growing_pauses(pauses: list[float]) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadError("reset", request=request)

    waits: list[int] = []
    with mocked(answer) as client, pytest.raises(StreamBroken, match="job j"):
        list(client.events("j", waiting=lambda: waits.append(len(pauses))))
    assert 500 < sum(pauses) <= 600
    assert pauses[0] < 0.3
    assert all(7 < pause <= 10 for pause in pauses[6:])
    assert waits == list(range(len(pauses)))


def test_what_will_not_pass_ends_the_events_at_once(pauses: list[float]) -> None:
    with mocked(lambda request: httpx.Response(401)) as client, pytest.raises(Unauthorized, match="401"):
        list(client.events("j"))
    assert pauses == []


@pytest.mark.parametrize("data", ["{}", "<html>"])
def test_an_event_that_is_none_says_where(data: str) -> None:
    answer = httpx.Response(200, text=f"id: 1\ndata: {data}\n\n")
    with mocked(lambda request: answer) as client, pytest.raises(AnswerUnusable, match=r"^/jobs/j/events: "):
        list(client.events("j"))


def test_a_stream_that_is_left_is_closed() -> None:
    closed: list[bool] = []

    class Endless(httpx.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            while True:
                yield _event(1, "stage", stage="teacher").encode()

        def close(self) -> None:
            closed.append(True)

    with mocked(lambda request: httpx.Response(200, stream=Endless())) as client:
        events = client.events("j")
        assert next(events).stage == "teacher"
        assert closed == []
        events.close()
        assert closed == [True]


def test_a_log_that_broke_off_is_told_from_one_that_never_came() -> None:
    class Broken(httpx.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            yield "ä first line\n".encode()
            raise httpx.ReadError("reset")

    with mocked(lambda request: httpx.Response(200, stream=Broken())) as client:
        log = client.logs("j", follow=True)
        assert next(log) == "ä first line\n"
        with pytest.raises(StreamBroken):
            next(log)

    def away(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    with mocked(away) as client, pytest.raises(ServiceUnreachable):
        list(client.logs("j"))
