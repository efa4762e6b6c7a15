"""Commands against a service whose every name is hostile: no markup, no cursor that moves, no line of its own."""

from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from fastapi.responses import JSONResponse, PlainTextResponse
from typer.testing import CliRunner, Result

from cli.main import app
from tests.answers import version
from tests.serving import served

NAME = "[/x][bold] :cat:\n\x1b[2J"
SHOWN = "[/x][bold] :cat:\\n\\x1b[2J"


def _hostile() -> FastAPI:
    service = FastAPI()
    job = {"id": NAME, "task": NAME, "state": NAME, "stage": NAME}
    point = {"task": NAME, "version": 1, "digest": NAME, "job": NAME, "alias": "live", "refused": None}
    answers = {
        ("GET", "/readyz"): {},
        ("GET", "/tasks"): [{"task": NAME, "latest": 1, "aliases": {NAME: 1}}],
        ("GET", "/jobs"): [job],
        ("POST", "/jobs/j/finish"): {**job, "front": [{"k": NAME, "best": True}]},
        ("POST", "/jobs/j/cancel"): job,
        ("POST", "/jobs/j/retry"): job,
        ("PUT", "/tasks/t/aliases/live"): {"task": NAME, "after": NAME},
        ("PATCH", "/tasks/t/versions/1"): version(tags={NAME: NAME}, note=NAME, manifest={}).as_json(),
        ("POST", "/tasks/t/versions/1/front/2"): {**point, "alias": NAME},
        ("POST", "/tasks/t/versions/1/front/3"): {**point, "refused": NAME},
    }
    for (method, path), answer in answers.items():
        service.add_api_route(path, lambda answer=answer: answer, methods=[method], response_model=None)
    service.add_api_route("/jobs/j/logs", lambda: PlainTextResponse(f"first {NAME}\nsecond\n"))
    service.add_api_route("/jobs/bad/logs", lambda: JSONResponse({"detail": NAME, "request_id": NAME}, 409))
    return service


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with served(_hostile()) as url:
        yield url


def _invoke(url: str, *arguments: str) -> Result:
    return CliRunner(env={"COLUMNS": "300"}).invoke(app, [*arguments, "--url", url])


@pytest.mark.parametrize("command", ["tasks", "jobs"])
def test_tables(command: str, url: str) -> None:
    result = _invoke(url, command)
    assert result.exit_code == 0, result.output
    (row,) = [line for line in result.output.splitlines() if "cat" in line]
    assert row.count(SHOWN) >= 2


@pytest.mark.parametrize(
    "command",
    [
        "finish j",
        "cancel j",
        "retry j",
        "registry tag t 1 a=b",
        "registry front t 1 --publish 2",
    ],
)
def test_messages_are_one_line(command: str, url: str) -> None:
    result = _invoke(url, *command.split())
    assert result.exit_code == 0, result.output
    (line,) = result.output.splitlines()
    assert SHOWN in line


@pytest.mark.parametrize("command", ["logs bad", "registry front t 1 --publish 3 --alias live"])
def test_errors_are_one_line(command: str, url: str) -> None:
    result = _invoke(url, *command.split())
    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: ")
    assert SHOWN in line


def test_an_answer_that_cannot_be_is_one_line_without_it(url: str) -> None:
    result = _invoke(url, "registry", "promote", "t", "1")
    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    assert "/tasks/t/aliases/live: the answer is not what the API describes" in line


def test_logs_keep_their_lines(url: str) -> None:
    assert _invoke(url, "logs", "j").output == "first [/x][bold] :cat:\n\\x1b[2J\nsecond\n"


def test_a_note_is_repeated_in_one_line(url: str) -> None:
    assert _invoke(url, "registry", "note", "t", "1", NAME).output == f"t version 1: {SHOWN}\n"
