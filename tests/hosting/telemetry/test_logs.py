"""Logs as machines read them."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from hosting.access.authorization import RouteLookup
from hosting.access.endpoint import endpoint
from hosting.access.route_table import Route, RouteTable
from hosting.errors import FormInvalid
from hosting.settings.settings import Settings
from hosting.telemetry import log_context
from hosting.telemetry.logs import JsonLines, TextLines, configure_logs
from hosting.telemetry.redaction import without_secrets
from hosting.telemetry.request_id import request_id
from hosting.web.multipart import FormReader
from hosting.web.problems import install_problem_handlers
from hosting.web.process import configured
from tests.serving import served

_SECRET = "ntk_0123456789abcdefghijABCDEFGHIJ_-0123456789a"


class _Lines:
    """A handler on the root logger; what it wrote."""

    def __init__(self, formatter: logging.Formatter) -> None:
        self.stream = io.StringIO()
        self.handler = logging.StreamHandler(self.stream)
        self.handler.setFormatter(formatter)

    def entries(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]


@pytest.fixture
def lines() -> Iterator[_Lines]:
    written = _Lines(JsonLines())
    root = logging.getLogger()
    root.addHandler(written.handler)
    yield written
    root.removeHandler(written.handler)


@pytest.fixture(autouse=True)
def context_of_its_own() -> Iterator[None]:
    """What a test says it is about is no other test's."""
    variables = (request_id, log_context.task, log_context.version, log_context.job, log_context.request)
    tokens = [(variable, variable.set(None)) for variable in variables]
    yield
    for variable, token in tokens:
        variable.reset(token)  # type: ignore[arg-type]  # its own


def _record(text: str, *args: object, **extra: object) -> logging.LogRecord:
    return logging.getLogger("some.where").makeRecord(
        "some.where", logging.WARNING, "f", 1, text, args, None, None, extra
    )


def test_a_record_is_one_line_with_what_it_is_about() -> None:
    request_id.set("abc")
    log_context.task.set("signs")
    log_context.version.set(3)
    log_context.job.set("j1")
    line = JsonLines().format(_record("two\nlines %s", "\u2028"))
    assert len(line.splitlines()) == 1
    entry = json.loads(line)
    assert entry.pop("time").endswith("+00:00")
    assert entry == {
        "level": "warning",
        "logger": "some.where",
        "message": "two\nlines \u2028",
        "request_id": "abc",
        "task": "signs",
        "version": 3,
        "job": "j1",
    }
    assert json.loads(JsonLines().format(_record("x", task="flowers")))["task"] == "flowers"


def test_a_record_is_about_what_its_request_names_unless_more_is_known() -> None:
    table = RouteTable([Route(method="GET", path="/jobs", scope="read", task_parameter="task")])
    log_context.request.set(table.find("GET", "/jobs", b"task=signs,flowers"))
    assert json.loads(JsonLines().format(_record("x")))["task"] == "signs,flowers"
    log_context.task.set("flowers")
    assert json.loads(JsonLines().format(_record("x")))["task"] == "flowers"
    log_context.request.set(RouteTable([Route(method="GET", path="/jobs/{job}", scope="read")]).find("GET", "/jobs/j1"))
    assert json.loads(JsonLines().format(_record("x")))["job"] == "j1"


def test_exceptions_are_a_field(lines: _Lines) -> None:
    try:
        raise ValueError("redis://user:password@host/0")
    except ValueError:
        logging.getLogger("x").exception("failed")
    (entry,) = lines.entries()
    assert "Traceback" in entry["exception"]
    assert "redis://***@host/0" in entry["exception"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"key {_SECRET}!", "key ntk_***!"),
        ("see ntl_1795951304.9O8Hl_-RVGAJC.ann%2B1%40x now", "see ntl_*** now"),
        ("GET /tasks/signs/report?token=ntl_1795951304.9O8Hl.ann&tail=1", "GET /tasks/signs/report?token=***"),
        ("at redis://:hunter2@cache:6379/0 now", "at redis://***@cache:6379/0 now"),
        ("Authorization: Bearer abcdefgh12345", "Authorization: Bearer ***"),
        ("unix:///tmp/redis.sock?db=0 bearer of news", "unix:///tmp/redis.sock?db=0 bearer of news"),
        ("note: api_key = 'abc', my_token2:x", "note: api_key = '***', my_token2:***"),
        ("token=token=abc; tokens are fine", "token=***; tokens are fine"),
    ],
)
def test_secrets_are_blotted_out(text: str, shown: str) -> None:
    assert without_secrets(text) == shown
    assert json.loads(JsonLines().format(_record("%s", text)))["message"] == shown
    assert TextLines().format(_record("%s", text)).endswith(shown)


def test_what_is_too_long_is_cut_and_says_so() -> None:
    entry = json.loads(JsonLines().format(_record("%s", "x" * 100_000)))
    assert entry["message"] == "x" * 16_384 + "... (100000 characters)"
    assert "... (100" in TextLines().format(_record("%s", "x" * 100_000))
    assert without_secrets("short", longest=5) == "short"


@pytest.mark.parametrize("secret", [_SECRET, "redis://user:hunter2-of-some-length@host", "password=hunter2-hunter3"])
def test_a_secret_that_is_cut_in_two_is_not_shown(secret: str) -> None:
    long = 5_000
    whole = without_secrets(f"{'x' * 10} {secret}{' y' * long}")
    for longest in range(len(secret) + 20):
        for rest in (" y" * long, " y", ""):
            shown = without_secrets(f"{'x' * 10} {secret}{rest}", longest=longest)
            kept = shown.partition("... (")[0]
            assert whole.startswith(kept) or len(rest) < long, (longest, shown)
            assert not any(secret[at : at + 7] in shown for at in range(8, len(secret) - 7)), (longest, shown)


def test_text_records_stay_on_their_line() -> None:
    text = TextLines().format(_record("GET /tasks/%s", "a\r\n2026-01-01 ERROR forged"))
    assert text.endswith("GET /tasks/a\\r\\n2026-01-01 ERROR forged")


def test_requests_are_known_to_what_they_log_and_to_the_access_log(
    lines: _Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = FastAPI()
    route = Route(method="GET", path="/tasks/{task}/versions/{version}", scope="read")
    app.add_middleware(RouteLookup, table=RouteTable([route]))
    install_problem_handlers(app, {})

    @endpoint(app, route)
    def broken(task: str, version: int) -> None:
        logging.getLogger("inner").warning("in a thread")
        raise RuntimeError(f"of {_SECRET}")

    # Servers without an access log or with uvicorn's own logging, as other tests start, turn this off for the process.
    for name in ("uvicorn", "uvicorn.access"):
        monkeypatch.setattr(logging.getLogger(name), "propagate", True)
    with served(app, access_log=True) as url:
        httpx.get(f"{url}/tasks/signs/versions/7?x={_SECRET}", headers={"X-Request-Id": "me-1"}, trust_env=False)
    about = {"request_id": "me-1", "task": "signs", "version": 7}
    entries = {entry["logger"]: entry for entry in lines.entries()}
    for logger in ("inner", "hosting.web.problems", "uvicorn.access"):
        assert entries[logger] | about == entries[logger], logger
    assert "RuntimeError" in entries["hosting.web.problems"]["exception"]
    access = entries["uvicorn.access"]
    assert (access["method"], access["path"], access["status"]) == ("GET", "/tasks/signs/versions/7?x=ntk_***", 500)
    assert _SECRET not in lines.stream.getvalue()


def test_what_is_no_form_is_told_to_who_sent_it_alone(lines: _Lines) -> None:
    configure_logs(Settings())
    with pytest.raises(FormInvalid):
        FormReader("multipart/form-data; boundary=xx", lambda _: None, most_parts=1).write(b"nonsense")
    assert lines.entries() == []


def test_uvicorn_logs_as_we_do() -> None:
    config = configured(FastAPI(), Settings(access_log=True))
    assert isinstance(config, uvicorn.Config)
    assert config.log_config is None
    assert config.access_log
