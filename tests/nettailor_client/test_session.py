import asyncio
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest

from nettailor_client import IMPATIENT, Client, Patience
from nettailor_client.errors import (
    AnswerUnusable,
    ArgumentUnusable,
    NotFound,
    Overloaded,
    RequestRefused,
    ServiceUnreachable,
    Unavailable,
)
from tests.nettailor_client.mocked import Answering, mocked, mocked_loop, noted_pauses

_TASKS: list[object] = []


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    return noted_pauses(monkeypatch)


def _always(response: httpx.Response) -> Answering:
    return lambda request: response


def _first(*troubles: httpx.Response | Exception, then: object = _TASKS) -> tuple[Answering, list[str]]:
    """Answers with the troubles, one after the other, and then well; and what was asked."""
    left, asked = iter(troubles), list[str]()

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(f"{request.method} {request.url.path}")
        trouble = next(left, None)
        if isinstance(trouble, Exception):
            raise trouble
        return trouble or httpx.Response(200, json=then)

    return answer, asked


def test_a_problem_document_becomes_an_error_with_its_members() -> None:
    problem = {"type": "urn:t", "title": "unknown task", "detail": "no task 'x'", "instance": "/tasks/x", "task": "x"}
    refusal = httpx.Response(404, json=problem | {"request_id": "abc"})
    with mocked(_always(refusal)) as client, pytest.raises(NotFound) as caught:
        client.task("x")
    error = caught.value
    assert str(error) == "GET /tasks/x: 404 no task 'x' (request abc)"
    assert (error.status, error.title, error.detail, error.instance) == (404, "unknown task", "no task 'x'", "/tasks/x")
    assert (error.type, error.request_id, error.problem["task"]) == ("urn:t", "abc", "x")


@pytest.mark.parametrize("body", [b"<html>bad gateway</html>", b"[]", b""])
def test_a_proxys_own_page_is_told_by_its_status(body: bytes) -> None:
    page = httpx.Response(502, content=body, headers={"X-Request-Id": "abc"})
    with mocked(_always(page), patience=IMPATIENT) as client, pytest.raises(RequestRefused) as caught:
        client.task("x")
    assert str(caught.value) == "GET /tasks/x: 502 Bad Gateway (request abc)"
    assert caught.value.problem == {}


def test_who_asks_is_sent_with_every_request() -> None:
    seen: list[tuple[str | None, str | None]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append((request.headers.get("authorization"), request.headers.get("x-actor")))
        return httpx.Response(200, json=_TASKS)

    options: list[dict[str, str]] = [{}, {"key": "ntk_a"}, {"actor": "ann"}, {"key": " ntk_a "}, {"actor": " "}]
    for own in options:
        with mocked(answer, key=own.get("key"), actor=own.get("actor")) as client:
            client.tasks()
    assert seen == [(None, None), ("Bearer ntk_a", None), (None, "ann"), ("Bearer ntk_a", None), (None, None)]


def test_nothing_there() -> None:
    with Client("http://127.0.0.1:9", patience=IMPATIENT) as client:
        assert not client.is_ready()
        with pytest.raises(ServiceUnreachable, match=r"nothing answers at http://127.0.0.1:9 \(.+\)") as caught:
            client.tasks()
    assert not caught.value.arrived


@pytest.mark.parametrize("name", ["a\nb", "a/b", "a?b", "a#b", "a%2Fb", "[/x]", "é", "\udce9", "../tasks"])
def test_what_people_type_stays_one_part_of_the_path(name: str) -> None:
    seen: list[bytes] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.url.raw_path)
        return httpx.Response(404)

    with mocked(answer) as client:
        for ask in (lambda: client.cancel(name), lambda: client.predict(f"{name}@live", b"", top_k=1)):
            with pytest.raises(NotFound):
                ask()
    assert [(path.count(b"/"), path[:6]) for path in seen] == [(3, b"/jobs/"), (3, b"/tasks")]
    assert seen[1].endswith(b"@live/predict?top_k=1")


@pytest.mark.parametrize(
    ("url", "options"),
    [
        ("http://a\nb", {}),
        ("service:8000", {}),
        ("ftp://service", {}),
        ("http://service/?token=ntl_1", {}),
        ("http://service#tasks", {}),
        ("http://service", {"key": "a\nb"}),
        ("http://service", {"key": "ä"}),
        ("http://service", {"actor": "ä"}),
    ],
)
def test_no_url_no_key_and_no_actor(url: str, options: dict[str, str]) -> None:
    with pytest.raises(ArgumentUnusable, match=r"is no URL|that no (key|actor) has"):
        Client(url, key=options.get("key"), actor=options.get("actor"))


def test_an_answer_that_is_none_says_where() -> None:
    said = r"/tasks: .+: 0\.aliases: Field required; and 1 more"
    answer = _always(httpx.Response(200, json=[{"task": "x"}]))
    with mocked(answer) as client, pytest.raises(AnswerUnusable, match=said):
        client.tasks()


def test_an_answer_that_cannot_be_unpacked_says_where() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        stream = httpx.ByteStream(b"no gzip")
        return httpx.Response(200, headers={"Content-Encoding": "gzip"}, stream=stream)

    with mocked(answer) as client, pytest.raises(AnswerUnusable, match=r"^/tasks: "):
        client.tasks()


def test_what_passes_is_tried_again_after_growing_pauses(pauses: list[float]) -> None:
    answer, asked = _first(httpx.ConnectError("refused"), httpx.Response(503), httpx.ReadError("reset"))
    with mocked(answer) as client:
        assert client.tasks() == []
    assert len(asked) == 4
    assert pauses == sorted(pauses)
    assert len(pauses) == 3
    assert 0.75 * 1.4 <= sum(pauses) <= 1.4


def test_it_waits_for_as_long_as_the_service_says(pauses: list[float]) -> None:
    then = format_datetime(datetime.now(UTC) + timedelta(seconds=20), usegmt=True)
    answer, _ = _first(*[httpx.Response(429, headers={"Retry-After": text}) for text in ("7", then, "no time")])
    with mocked(answer) as client:
        assert client.tasks() == []
    assert pauses[0] == 7
    assert 15 < pauses[1] <= 20
    assert pauses[2] < 1


def test_more_than_the_patience_is_not_waited(pauses: list[float]) -> None:
    answer, asked = _first(httpx.Response(429, headers={"Retry-After": "31"}))
    with mocked(answer) as client, pytest.raises(Overloaded) as caught:
        client.tasks()
    assert (len(asked), pauses, caught.value.retry_after_s) == (1, [], 31)
    answer, _ = _first(*100 * [httpx.Response(503)])
    with mocked(answer, patience=Patience(seconds=5)) as client, pytest.raises(Unavailable):
        client.tasks()
    assert 2 < sum(pauses) <= 5


def test_what_does_something_else_twice_is_not_done_twice(pauses: list[float]) -> None:
    for trouble, error in ((httpx.ReadError("reset"), ServiceUnreachable), (httpx.Response(503), Unavailable)):
        answer, asked = _first(trouble)
        with mocked(answer) as client, pytest.raises(error):
            client.rollback("signs")
        assert len(asked) == 1
    moved = {"task": "t", "alias": "live", "before": 2, "after": 1, "at": "", "actor": "", "reason": ""}
    never_arrived = (httpx.ConnectError("refused"), httpx.Response(429))
    answer, asked = _first(*never_arrived, then=moved)
    with mocked(answer) as client:
        assert client.rollback("t").after == 1
    assert len(asked) == 3


@pytest.mark.parametrize("status", [400, 401, 404, 409, 500, 504])
def test_what_will_not_pass_is_not_tried_again(status: int, pauses: list[float]) -> None:
    answer, asked = _first(httpx.Response(status))
    with mocked(answer) as client, pytest.raises(RequestRefused):
        client.tasks()
    assert (len(asked), pauses) == (1, [])


def test_the_same_within_an_event_loop(pauses: list[float]) -> None:
    answer, asked = _first(httpx.ConnectError("refused"), httpx.Response(503))

    async def ask() -> None:
        async with mocked_loop(answer, Patience()) as client:
            assert await client.tasks() == []
            assert await client.is_alive()

    asyncio.run(ask())
    assert asked == 3 * ["GET /tasks"] + ["GET /healthz"]
    assert len(pauses) == 2


def test_a_prediction_is_waited_for_as_long_as_the_service_may_take() -> None:
    waits: list[float] = []

    def answer(request: httpx.Request) -> httpx.Response:
        waits.append(request.extensions["timeout"]["read"])
        return httpx.Response(404)

    with mocked(answer) as client:
        for timeout_ms in (600_000, None, 10**400):  # the service refuses the last
            for ask in (client.predict, client.predict_many):
                with pytest.raises(NotFound):
                    ask("a", b"", timeout_ms=timeout_ms)
    assert waits == [720, 720, 120, 120, 720, 720]


def test_what_cannot_be_sent_is_an_argument_that_is_unusable() -> None:
    client = mocked(lambda request: pytest.fail(f"sent to {request.url}"))
    for ask in (
        lambda: client.job("\ud800"),
        lambda: client.versions("signs", tags=["\udcff"]),
        lambda: client.predict("a" * 70_000, b""),
    ):
        with pytest.raises(ArgumentUnusable, match=r"no text that could be sent: '\\ud|makes no URL: URL too long"):
            ask()


@pytest.mark.parametrize("name", ["", ".", ".."])
def test_what_would_name_another_resource_is_never_sent(name: str) -> None:
    client = mocked(lambda request: pytest.fail(f"sent to {request.url}"))
    for ask in (client.job, client.finish, client.task, client.delete_task):
        with pytest.raises(ArgumentUnusable, match="no name or id"):
            ask(name)
