"""What HTTP asks for beyond uvicorn: `HEAD`, HTTP/1.0, `Expect: 100-continue`, and answers that are read by whoever is
still sending."""

import asyncio
import contextlib
import shutil
import subprocess
import threading
from pathlib import Path

import pytest
from starlette.types import Receive, Scope, Send

from hosting.settings.settings import Settings
from hosting.web.connection.lingering import LingeringTransport
from hosting.web.process import configured
from tests.hosting.web.connection.peer import LARGE, House, Serve, peer
from tests.serving import listening
from tests.waiting import PATIENCE_SECONDS, until

_HOST = "Host: x"
_UNTOLD = {"date", "x-request-id", "transfer-encoding"}  # of an answer to HEAD, or different every time


@pytest.mark.parametrize("path", ["/ok", "/parts", "/large", "/nothing", "/echo"])
def test_head_is_get_without_the_body(serve: Serve, path: str) -> None:
    with peer(serve()) as client:
        client.send(f"GET {path} HTTP/1.1", _HOST)
        whole = client.answer()
        client.send(f"HEAD {path} HTTP/1.1", _HOST)
        head = client.answer(to_head=True)
        client.send("GET /ok HTTP/1.1", _HOST)
        assert client.answer().body == b"fine"  # so nothing came behind the head
    assert head.status == whole.status
    assert {name: value for name, value in head.headers.items() if name not in _UNTOLD} == {
        name: value for name, value in whole.headers.items() if name not in _UNTOLD
    }


def test_head_of_an_endless_stream_ends_at_once(serve: Serve, house: House) -> None:
    with peer(serve()) as client:
        client.send("HEAD /endless HTTP/1.1", _HOST)
        answer = client.answer(to_head=True)
        assert (answer.status, answer.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
        client.send("GET /ok HTTP/1.1", _HOST)
        assert client.answer().body == b"fine"


def test_http_1_0_gets_no_chunks(serve: Serve) -> None:
    port = serve()
    for path, body in (("/parts", b"one two"), ("/ok", b"fine")):
        with peer(port) as client:
            client.send(f"GET {path} HTTP/1.0")
            answer = client.answer()
            assert (answer.status, answer.body) == (200, body)
            assert "transfer-encoding" not in answer.headers
            assert answer.headers["connection"] == "close"
            assert client.rest() == b""


def test_http_1_0_follows_a_stream(serve: Serve) -> None:
    with peer(serve()) as client:
        client.send("GET /endless HTTP/1.0")
        assert "transfer-encoding" not in client.answer(to_head=True).headers
        assert client.line() == "data: 1"


@pytest.mark.parametrize("connection", ["close", "keep-alive"])
def test_who_is_still_sending_gets_to_see_why_it_was_refused(serve: Serve, connection: str) -> None:
    with peer(serve()) as client:
        client.send("POST /refuse HTTP/1.1", _HOST, f"Connection: {connection}", f"Content-Length: {LARGE}")
        for _ in range(LARGE >> 20):
            client.socket.sendall(bytes(1 << 20))
        answer = client.answer()
        assert (answer.status, answer.body) == (413, b"no")
        if connection == "close":
            assert client.rest() == b""
        else:
            client.send("GET /ok HTTP/1.1", _HOST)
            assert client.answer().body == b"fine"


def test_a_rest_that_is_announced_as_too_large_ends_the_connection(serve: Serve) -> None:
    with peer(serve()) as client:
        client.send("POST /refuse HTTP/1.1", _HOST, f"Content-Length: {1 << 40}")
        answer = client.answer()
        assert (answer.status, answer.headers["connection"]) == (413, "close")
        assert client.rest() == b""


def test_a_body_that_is_refused_before_it_was_sent_ends_the_connection(serve: Serve) -> None:
    """Or the client's next request might be taken for it."""
    with peer(serve()) as client:
        client.send("POST /refuse HTTP/1.1", _HOST, "Content-Length: 3", "Expect: 100-continue")
        answer = client.answer()
        assert (answer.status, answer.headers["connection"]) == (413, "close")
        assert client.rest() == b""


def test_connections_are_used_again_after_refusals(serve: Serve) -> None:
    with peer(serve()) as client:
        for _ in range(3):
            client.send("POST /refuse HTTP/1.1", _HOST, "Content-Length: 3", body=b"abc")
            answer = client.answer()
            assert answer.status == 413
            assert "connection" not in answer.headers


def test_a_client_that_hangs_up_leaves_no_traceback(
    serve: Serve, house: House, caplog: pytest.LogCaptureFixture
) -> None:
    with peer(serve()) as client:
        client.send("POST /echo HTTP/1.1", _HOST, "Content-Length: 10", body=b"abc")
        until(lambda: house.noticed == ["asked"])
    until(lambda: house.noticed == ["asked", "ClientDisconnect"])
    assert caplog.messages == []


def _curl(port: int, path: str, *options: str) -> "subprocess.CompletedProcess[str]":
    curl = shutil.which("curl")
    assert curl, "apt-get install curl"
    command = [curl, "--silent", "--show-error", "--max-time", "60", *options, f"http://127.0.0.1:{port}{path}"]
    return subprocess.run(command, check=False, capture_output=True, text=True)


def test_curl_asks_for_heads_and_speaks_http_1_0(serve: Serve) -> None:
    port = serve()
    told = _curl(port, "/ok", "--head").stdout.splitlines()
    assert (told[0], "content-length: 4" in told) == ("HTTP/1.1 200 OK", True)
    assert _curl(port, "/endless", "--head").returncode == 0
    assert _curl(port, "/parts", "--http1.0").stdout == "one two"


@pytest.mark.parametrize("connection", ["close", "keep-alive"])
def test_curl_sees_refusals_and_does_not_send_what_nobody_wants(serve: Serve, tmp_path: Path, connection: str) -> None:
    body = tmp_path / "body"
    body.write_bytes(bytes(LARGE))
    told = ("--write-out", "%{http_code} %{size_upload}")
    options = ("--request", "POST", "--header", f"Connection: {connection}", *told)
    port = serve()
    for expect in ("Expect: 100-continue", "Expect:"):
        done = _curl(port, "/refuse", *options, "--header", expect, "--upload-file", str(body))
        assert done.returncode == 0, done.stderr
        answer, sent = done.stdout.split()
        assert answer == "no413"
        assert int(sent) == 0 or expect == "Expect:"


def test_what_a_closing_server_does_not_wait_for_any_longer_is_a_line_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    began = threading.Event()

    async def waits_for_ever(scope: Scope, receive: Receive, send: Send) -> None:
        began.set()
        await asyncio.Event().wait()

    config = configured(waits_for_ever, Settings(log_level="warning"), grace_s=0)
    config.lifespan = "off"
    with contextlib.ExitStack() as client_stays, listening(config) as port:
        client = client_stays.enter_context(peer(port))
        client.send("GET /ever HTTP/1.1", "Host: x")
        assert began.wait(PATIENCE_SECONDS)
    told = [each for each in caplog.records if each.levelname in {"WARNING", "ERROR"}]
    assert "GET /ever is broken off: the server stops" in [each.getMessage() for each in told]
    assert not any(each.exc_info for each in told)


def test_headers_wait_for_the_body_only_where_they_say_how_long_it_is(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = []
    hold_next = LingeringTransport.hold_next

    def noted(self: LingeringTransport) -> None:
        held.append(self)
        hold_next(self)

    monkeypatch.setattr(LingeringTransport, "hold_next", noted)
    with peer(serve()) as client:
        for request in ("GET /parts HTTP/1.1", "HEAD /ok HTTP/1.1"):  # the first one is a stream
            client.send(request, _HOST)
            client.answer(to_head=request.startswith("HEAD"))
            assert not held
        client.send("GET /ok HTTP/1.1", _HOST)
        assert client.answer().body == b"fine"
        assert len(held) == 1
