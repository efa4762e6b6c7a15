import errno
import logging
import os
import re
from collections.abc import Iterator
from typing import Annotated

import httpx
import pytest
from fastapi import FastAPI
from pydantic import AfterValidator, StringConstraints

from hosting.telemetry.bursts import fold_bursts
from hosting.telemetry.request_id import request_id
from hosting.web import problems
from hosting.web.problem import problem_of, problem_type
from hosting.web.problems import install_problem_handlers
from tests.serving import served

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class QueueFull(Exception):
    retry_after_seconds = 2.6


class VeryFull(QueueFull):
    pass


class Away(Exception):
    pass


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    app = FastAPI()
    install_problem_handlers(app, {QueueFull: (429, "queue full")})
    install_problem_handlers(app, {Away: (503, "not ready")})

    @app.get("/away/{what}")
    def away(what: str) -> None:
        raise Away(f"the {what} is away")

    @app.get("/full")
    def full() -> None:
        raise VeryFull("no room")

    @app.get("/bug")
    def bug() -> None:
        raise ZeroDivisionError("secret")

    @app.get("/disk")
    def disk(number: int) -> None:
        raise OSError(number, os.strerror(number), "/a/secret/path")

    @app.get("/id")
    def identity() -> str | None:
        return request_id.get()

    @app.post("/numbers")
    def numbers(numbers: dict[str, int]) -> int:
        return len(numbers)

    @app.post("/notes")
    def notes(note: Annotated[str, AfterValidator(str.strip), StringConstraints(max_length=5)]) -> str:
        return note

    @app.get("/half")
    def half() -> None:
        raise QueueFull("half a character: \ud800")

    with served(app) as url, httpx.Client(base_url=url) as client:
        yield client


def test_subclasses_fall_to_the_nearest_entry(client: httpx.Client) -> None:
    answer = client.get("/full")
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "3"
    assert answer.json()["title"] == "queue full"
    assert answer.json()["type"] == "urn:nettailor:problem:very-full"


def test_failures_alike_are_one_line_in_the_log(client: httpx.Client, caplog: pytest.LogCaptureFixture) -> None:
    """As services log them; the filter would fold other tests' lines, too."""
    logger = logging.getLogger(problems.__name__)
    fold_bursts(problems.__name__, problems.FAILED, by="failure")
    try:
        answers = [client.get(f"/away/{what}") for what in ("engine", "index", "engine", "engine")]
    finally:
        for found in list(logger.filters):
            logger.removeFilter(found)
    assert {answer.status_code for answer in answers} == {503}
    told = [record.getMessage() for record in caplog.records if record.name == problems.__name__]
    assert told == ["GET /away/engine: the engine is away", "GET /away/index: the index is away"]


@pytest.mark.parametrize("body", [b'{"a": "\xff"}', b'{"a": ' * 2_000 + b"1" + b"}" * 2_000, b'{"a": '])
def test_json_that_cannot_be_read_is_malformed_whatever_the_reason(client: httpx.Client, body: bytes) -> None:
    answer = client.post("/numbers", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["title"]) == (422, "malformed request")
    assert answer.json()["detail"].startswith("body")


def test_a_body_that_is_not_said_to_be_json_is_refused_for_that(client: httpx.Client) -> None:
    for kind in ("application/x-www-form-urlencoded", "text/plain"):
        answer = client.post("/numbers", content=b'{"a": 1}', headers={"Content-Type": kind})
        assert answer.status_code == 422
        assert answer.json()["detail"] == "body: no JSON by its Content-Type, which should be application/json"


def test_where_json_is_broken_is_said(client: httpx.Client) -> None:
    answer = client.post("/numbers", content=b'{"a": 1,}', headers={"Content-Type": "application/json"})
    assert re.match(r"body\.[78]: JSON decode error: (Expecting|Illegal)", answer.json()["detail"])


def test_text_has_characters_not_items(client: httpx.Client) -> None:
    answer = client.post("/notes", params={"note": "longer"})
    assert answer.json()["detail"] == "query.note: String should have at most 5 characters"


def test_of_many_faults_some_are_named(client: httpx.Client) -> None:
    answer = client.post("/numbers", json={f"{number:03d}{'x' * 1_000}": "none" for number in range(100)})
    assert answer.status_code == 422
    assert len(answer.json()["errors"]) == 20
    assert answer.json()["detail"].endswith("; and 80 more")
    assert len(answer.content) < 20_000


def test_half_a_character_is_shown_as_what_it_is(client: httpx.Client) -> None:
    answer = client.get("/half")
    assert (answer.status_code, answer.json()["detail"]) == (429, "half a character: \\ud800")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_said(client: httpx.Client, number: int) -> None:
    answer = client.get("/disk", params={"number": number})
    assert (answer.status_code, answer.json()["title"]) == (507, "insufficient storage")
    assert answer.json()["type"] == "urn:nettailor:problem:insufficient-storage"
    assert os.strerror(number) in answer.json()["detail"]
    assert "secret" not in answer.text


def test_another_fault_of_the_disk_is_a_bare_500(client: httpx.Client) -> None:
    answer = client.get("/disk", params={"number": errno.EIO})
    assert (answer.status_code, answer.json()["title"]) == (500, "internal error")
    assert "secret" not in answer.text


def test_a_bug_is_a_bare_500_with_its_request_id(client: httpx.Client) -> None:
    answer = client.get("/bug", headers={"X-Request-Id": "r1"})
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-request-id"] == "r1"
    assert answer.json()["request_id"] == "r1"
    assert answer.headers["connection"] == "close"  # uvicorn closes it: the client's next request goes elsewhere
    assert client.get("/id").status_code == 200
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text


def test_request_ids(client: httpx.Client) -> None:
    given = client.get("/id", headers={"X-Request-Id": "mine.1", "traceparent": TRACE})
    assert given.json() == given.headers["x-request-id"] == "mine.1"
    assert given.headers["traceparent"] == TRACE
    refused = client.get("/id", headers={"X-Request-Id": "a b", "traceparent": "nonsense"})
    assert refused.json() == refused.headers["x-request-id"] != "a b"
    assert "traceparent" not in refused.headers
    assert client.get("/id").json() != client.get("/id").json()


def test_problem_outside_a_request() -> None:
    problem = problem_of(QueueFull("no room"), 429, "queue full")
    assert problem.request_id is None
    assert problem.detail == "no room"


def test_problem_types() -> None:
    assert problem_type(KeyError) == "urn:nettailor:problem:key-error"
