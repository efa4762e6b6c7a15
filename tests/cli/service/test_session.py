import httpx
import pytest

from cli.errors import OptionUnusable, RequestRefused, ServiceUnreachable
from cli.service.client import Client


def _answering(response: httpx.Response) -> httpx.MockTransport:
    return httpx.MockTransport(lambda request: response)


def test_a_problem_document_becomes_one_sentence_and_is_kept() -> None:
    problem = {"title": "unknown task", "detail": "no task 'x'", "request_id": "abc", "task": "x"}
    transport = _answering(httpx.Response(404, json=problem))
    with Client("http://service/", transport=transport) as client, pytest.raises(RequestRefused) as caught:
        client.task("x")
    assert str(caught.value) == "GET /tasks/x: 404 no task 'x' (request abc)"
    assert (caught.value.status, caught.value.detail, caught.value.problem) == (404, "no task 'x'", problem)


@pytest.mark.parametrize("body", [b"<html>bad gateway</html>", b"[]", b""])
def test_a_proxys_own_page_is_told_by_its_status(body: bytes) -> None:
    transport = _answering(httpx.Response(502, content=body, headers={"X-Request-Id": "abc"}))
    with Client("http://service", transport=transport) as client, pytest.raises(RequestRefused) as caught:
        client.task("x")
    assert str(caught.value) == "GET /tasks/x: 502 Bad Gateway (request abc)"
    assert caught.value.problem == {}


def test_who_asks_is_sent_with_every_request() -> None:
    seen: list[tuple[str | None, str | None]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append((request.headers.get("authorization"), request.headers.get("x-actor")))
        return httpx.Response(200, json=[])

    transport = httpx.MockTransport(answer)
    for client in (
        Client("http://service", transport=transport),
        Client("http://service", key="ntk_a", transport=transport),
        Client("http://service", actor="ann", transport=transport),
    ):
        with client:
            client.tasks()
    assert seen == [(None, None), ("Bearer ntk_a", None), (None, "ann")]


def test_nothing_there() -> None:
    with Client("http://127.0.0.1:9") as client:
        assert not client.is_ready()
        with pytest.raises(ServiceUnreachable, match="nettailor up"):
            client.tasks()


@pytest.mark.parametrize("name", ["a\nb", "a/b", "a?b", "a#b", "a%2Fb", "[/x]", "é", "\udce9", "../tasks"])
def test_what_people_type_stays_one_part_of_the_path(name: str) -> None:
    seen: list[bytes] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.url.raw_path)
        return httpx.Response(200, json={})

    with Client("http://service", transport=httpx.MockTransport(answer)) as client:
        client.cancel(name)
        client.predict(f"{name}@live", b"", media_type="image/png")
    assert [(path.count(b"/"), path[:6]) for path in seen] == [(3, b"/jobs/"), (3, b"/tasks")]
    assert seen[1].endswith(b"@live/predict?top_k=1")


@pytest.mark.parametrize(("url", "key"), [("http://a\nb", None), ("http://service", "a\nb"), ("http://service", "ä")])
def test_no_url_and_no_key(url: str, key: str | None) -> None:
    with pytest.raises(OptionUnusable, match=r"is no URL|no key has"):
        Client(url, key=key)
