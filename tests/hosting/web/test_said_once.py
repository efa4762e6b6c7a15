"""Parameters, and members of JSON bodies, that are given twice."""

from collections.abc import Iterator
from typing import Annotated

import httpx
import pytest
from fastapi import FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field

from hosting.access.endpoint import endpoint
from hosting.access.route_table import Route
from hosting.web.problems import install_problem_handlers
from hosting.web.said_once import check_said_once
from tests.serving import served


def asked(query: str) -> Request:
    return Request({"type": "http", "query_string": query.encode(), "headers": []})


@pytest.mark.parametrize("query", ["", "a=1", "a=1&b=1", "tasks=a&tasks=b"])
def test_what_is_said_once_passes(query: str) -> None:
    check_said_once(asked(query), but="tasks")


@pytest.mark.parametrize("query", ["a=1&a=2", "a=1&a=1", "tasks=a&a=&a="])
def test_what_is_said_twice_is_named(query: str) -> None:
    with pytest.raises(RequestValidationError) as refused:
        check_said_once(asked(query), but="tasks")
    assert [fault["loc"] for fault in refused.value.errors()] == [("query", "a")]


class Options(BaseModel):
    speed: str | None = None
    other_name: Annotated[int, Field(alias="size")] = 0


class Told(BaseModel):
    version: int = 0
    tags: dict[str, str] = Field(default_factory=dict)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    app = FastAPI()

    @endpoint(app, Route(method="GET", path="/plain", scope="read"))
    def plain(state: str | None = None, wanted: Annotated[list[str] | None, Query(alias="tag")] = None) -> str:
        return f"{state} {wanted}"

    @endpoint(app, Route(method="GET", path="/model", scope="read"))
    def model(options: Annotated[Options, Query()]) -> str:
        return f"{options.speed} {options.other_name}"

    @endpoint(app, Route(method="POST", path="/body", scope="read"))
    def body(told: Told | None = None) -> str:
        return f"{told and told.version}"

    install_problem_handlers(app, {})
    with served(app) as url:
        yield url


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/plain?state=a&tag=b&tag=c&odd=1&odd=2", "a ['b', 'c']"),
        ("/plain?", "None None"),
        ("/model?speed=a&size=2&odd=1&odd=2", "a 2"),
    ],
)
def test_every_route_takes_lists_and_ignores_what_it_does_not_know(url: str, path: str, told: str) -> None:
    answer = httpx.get(url + path, trust_env=False)
    assert (answer.status_code, answer.json()) == (200, told)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/plain?state=a&state=b", "state"),
        ("/plain?state=a&tag=b&tag=c&state=a", "state"),
        ("/model?speed=a&speed=", "speed"),
        ("/model?size=1&size=2", "size"),
    ],
)
def test_every_route_refuses_a_second_value(url: str, path: str, name: str) -> None:
    answer = httpx.get(url + path, trust_env=False)
    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"where": f"query.{name}", "reason": "given more than once"}]


def _sent(url: str, body: str) -> httpx.Response:
    headers = {"Content-Type": "application/json"}
    return httpx.post(f"{url}/body", content=body, headers=headers, trust_env=False)


@pytest.mark.parametrize(
    ("body", "told"),
    [("", "None"), ("null", "None"), ('{"version": 1}', "1"), ('{"tags": {"a": "1", "b": "1"}, "version": 2}', "2")],
)
def test_a_body_that_says_all_once_is_taken(url: str, body: str, told: str) -> None:
    answer = _sent(url, body)
    assert (answer.status_code, answer.json()) == (200, told)


@pytest.mark.parametrize(
    ("body", "member"),
    [
        ('{"version": 1, "version": 2}', "version"),
        ('{"version": 1, "ver\\u0073ion": 1}', "version"),
        ('{"tags": {"a": "1", "a": "2"}}', "a"),
    ],
)
def test_a_body_that_says_two_things_is_refused(url: str, body: str, member: str) -> None:
    answer = _sent(url, body)
    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"where": f"body.{member}", "reason": "given more than once"}]


def test_what_is_no_json_is_told_as_that(url: str) -> None:
    assert "JSON" in _sent(url, '{"version": 1,').json()["detail"]
