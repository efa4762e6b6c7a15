"""Sizes, times and numbers of connections, with a real server and a client that sends any bytes it likes."""

import asyncio
import contextlib
import logging
import socket

import pytest
from uvicorn.server import ServerState

from hosting.settings.settings import Settings
from hosting.web.connection.protocol import BoundedProtocol
from hosting.web.process import configured
from tests.hosting.web.connection.peer import House, Peer, Serve, peer
from tests.waiting import until

_HOST = "Host: x"


def test_the_second_part_of_an_answer_does_not_wait_for_a_client_to_acknowledge_the_first() -> None:
    async def option() -> int:
        protocol = BoundedProtocol(configured(House().app(), Settings()), ServerState(), {})
        with socket.socket() as listener:  # opened by us, as `nettailor up` does
            listener.bind(("127.0.0.1", 0))
            server = await asyncio.get_running_loop().create_server(lambda: protocol, sock=listener)
            _, writer = await asyncio.open_connection(*listener.getsockname())
            while protocol.client is None:
                await asyncio.sleep(0)
            found: int = protocol.transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            writer.close()
            protocol.transport.abort()
            server.close()
        return found

    assert asyncio.run(option())


# Sizes


def test_a_url_may_be_as_long_as_the_setting_says(serve: Serve) -> None:
    port = serve(max_url_bytes=20)
    with peer(port) as client:
        client.send("GET /ok?" + "x" * 17 + " HTTP/1.1", _HOST)
        answer = client.answer()
        assert (answer.status, answer.detail) == (414, "the URL has more than 20 bytes")
        assert client.rest() == b""
    with peer(port) as client:
        client.send("GET /ok?" + "x" * 16 + " HTTP/1.1", _HOST)
        assert client.answer().status == 200


def test_a_url_without_an_end_is_refused_before_it_has_one(serve: Serve) -> None:
    with peer(serve(max_url_bytes=20)) as client:
        client.socket.sendall(b"GET /" + b"x" * 30)
        assert client.answer().status == 414


@pytest.mark.parametrize(("count", "size", "status"), [(3, 10, 200), (4, 10, 431), (1, 99, 200), (2, 51, 431)])
def test_headers_have_a_number_and_a_size(serve: Serve, count: int, size: int, status: int) -> None:
    port = serve(max_headers=3, max_header_bytes=101)
    lines = [f"h{index}: {'x' * (size - 2)}" for index in range(count)]
    with peer(port) as client:
        client.send("GET /ok HTTP/1.1", *lines)
        answer = client.answer()
        assert answer.status == status
        assert answer.status == 200 or answer.detail == "a request has at most 3 headers, of 101 bytes together"


def test_a_header_without_an_end_is_refused_before_it_has_one(serve: Serve) -> None:
    with peer(serve(max_url_bytes=10, max_header_bytes=100)) as client:
        client.socket.sendall(b"GET /ok HTTP/1.1\r\nx: " + b"y" * 200)
        assert client.answer().status == 431


def test_what_is_refused_under_v2_is_plain_json(serve: Serve) -> None:
    for path, media_type in (("/v2/models", "application/json"), ("/ok", "application/problem+json")):
        with peer(serve(max_header_bytes=100)) as client:
            client.send(f"GET {path} HTTP/1.1", _HOST, "x: " + "y" * 200)
            answer = client.answer()
            assert (answer.status, answer.headers["content-type"]) == (431, media_type)


def test_empty_lines_without_end_are_no_way_around(serve: Serve) -> None:
    with peer(serve(max_url_bytes=10, max_header_bytes=100)) as client:
        client.socket.sendall(b"\r\n" * 100)
        assert client.answer().status == 431


def test_trailers_are_bounded_and_no_headers(serve: Serve, house: House) -> None:
    port = serve(max_header_bytes=100)
    head = ("POST /echo HTTP/1.1", _HOST, "Transfer-Encoding: chunked")
    with peer(port) as client:
        client.send(*head, body=b"1\r\nx\r\n0\r\nx-actor: me\r\n\r\n")
        answer = client.answer()
        assert (answer.body, answer.headers["x-got-actor"]) == (b"1", "nobody")
        client.send(*head, body=b"1\r\nx\r\n")
        until(lambda: house.noticed == ["asked", "asked"])
        client.socket.sendall(b"0\r\nx: " + b"y" * 200)
        answer = client.answer()
        assert answer.status == 400
        assert client.rest() == b""
    until(lambda: house.noticed == ["asked", "asked", "ClientDisconnect"])


def test_a_body_in_chunks_of_a_byte_is_no_flood_of_framing(serve: Serve) -> None:
    with peer(serve(max_header_bytes=100)) as client:
        head = ("POST /echo HTTP/1.1", _HOST, "Transfer-Encoding: chunked")
        client.send(*head, body=b"1\r\nx\r\n" * 1000 + b"0\r\n\r\n")
        assert client.answer().body == b"1000"


def test_no_http_is_a_problem_document_too(serve: Serve) -> None:
    with peer(serve()) as client:
        client.socket.sendall(b"no HTTP\r\n\r\n")
        answer = client.answer()
        assert (answer.status, answer.detail) == (400, "this is no HTTP request")
        assert client.rest() == b""


def test_a_large_body_before_the_next_head_does_not_count_as_headers(serve: Serve) -> None:
    with peer(serve(max_url_bytes=100, max_header_bytes=100)) as client:
        client.send("POST /echo HTTP/1.1", _HOST, "Content-Length: 50000", body=bytes(50_000) + b"GET /ok HT")
        assert client.answer().body == b"50000"
        client.send("TP/1.1", _HOST)
        assert client.answer().body == b"fine"


def test_an_upgrade_is_not_taken_and_the_connection_goes_on(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    offer = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__")
    with peer(serve()) as client:
        client.send("GET /ok HTTP/1.1", _HOST, *offer, body=b"GET /ok HTTP/1.1\r\nHost: x\r\n\r\n")
        assert [client.answer().body, client.answer().body] == [b"fine", b"fine"]
        client.send("GET /ok HTTP/1.1", _HOST, "Connection: Upgrade", "Upgrade: websocket")
        assert client.answer().body == b"fine"
    assert caplog.messages == []


# Pipelining


def test_pipelined_requests_are_answered_in_order(serve: Serve) -> None:
    with peer(serve()) as client:
        for path in ("/ok", "/parts", "/nothing"):
            client.send(f"GET {path} HTTP/1.1", _HOST)
        client.send("POST /echo HTTP/1.1", _HOST, "Content-Length: 3", body=b"abc")
        found = [client.answer() for _ in range(4)]
    assert [answer.status for answer in found] == [200, 200, 404, 200]
    assert [found[0].body, found[1].body, found[3].body] == [b"fine", b"one two", b"3"]


def test_a_bad_request_behind_others_leaves_their_answers_whole(serve: Serve) -> None:
    with peer(serve(max_url_bytes=20)) as client:
        client.socket.sendall(b"GET /ok HTTP/1.1\r\n\r\n" * 2 + b"GET /" + b"x" * 50 + b" HTTP/1.1\r\n\r\n")
        assert [client.answer().body, client.answer().body] == [b"fine", b"fine"]
        assert client.rest() == b""


def test_only_so_many_requests_wait_for_answers(serve: Serve) -> None:
    with peer(serve()) as client:
        client.socket.sendall(b"GET /ok HTTP/1.1\r\n\r\n" * 200)
        answered = client.rest().count(b"HTTP/1.1 200 OK")
    assert answered == 65  # the one that is worked on, and 64 that wait


# Times


def test_a_half_sent_request_gets_408(serve: Serve) -> None:
    with peer(serve(header_timeout_seconds=0.2)) as client:
        client.socket.sendall(b"GET /ok HTTP/1.1\r\nHost: ")
        answer = client.answer()
        assert (answer.status, answer.detail) == (408, "the headers were not complete within 0.2 seconds")
        assert client.rest() == b""


def test_a_connection_that_sends_nothing_is_closed_without_a_word(serve: Serve) -> None:
    with peer(serve(header_timeout_seconds=0.2)) as client:
        assert client.rest() == b""


def test_a_half_sent_second_request_gets_408(serve: Serve) -> None:
    with peer(serve(header_timeout_seconds=0.2)) as client:
        client.send("GET /ok HTTP/1.1", _HOST)
        assert client.answer().status == 200
        client.socket.sendall(b"GET /ok HT")
        assert client.answer().status == 408
        assert client.rest() == b""


def test_bytes_that_drip_do_not_prolong_the_headers(serve: Serve) -> None:
    with peer(serve(header_timeout_seconds=0.3)) as client:
        client.socket.sendall(b"GET /ok HTTP/1.1\r\n")

        def has_answer_after_another_byte() -> bool:
            client.socket.sendall(b"x")
            return client.has_more()

        until(has_answer_after_another_byte)
        assert client.answer().status == 408


def test_a_body_that_does_not_come_gets_408(serve: Serve, house: House) -> None:
    with peer(serve(transfer_timeout_seconds=0.3)) as client:
        client.send("POST /echo HTTP/1.1", _HOST, "Content-Length: 10", body=b"abc")
        answer = client.answer()
        assert (answer.status, answer.detail) == (408, "the body did not come in time")
        assert answer.headers["connection"] == "close"
        assert client.rest() == b""
    assert house.noticed == ["asked", "SlowBody"]


def test_a_body_that_comes_may_take_as_long_as_it_likes(serve: Serve, house: House) -> None:
    port = serve(transfer_timeout_seconds=0.2, transfer_bytes_per_second=10)
    with peer(port) as client, peer(port) as other:
        client.send("POST /echo HTTP/1.1", _HOST, "Content-Length: 1000000")
        sent = 0

        def send_some() -> bool:
            nonlocal sent
            client.socket.sendall(bytes(200))
            sent += 200
            return other.has_more()

        # Another connection, which sends nothing more, is given up meanwhile.
        other.send("POST /echo HTTP/1.1", _HOST, "Content-Length: 10")
        until(send_some)
        client.socket.sendall(bytes(1_000_000 - sent))
        assert client.answer().body == b"1000000"


def test_who_waits_for_100_continue_is_not_late(serve: Serve, house: House) -> None:
    with peer(serve(transfer_timeout_seconds=60)) as client:
        client.send("POST /echo HTTP/1.1", _HOST, "Content-Length: 3", "Expect: 100-continue")
        assert client.answer(to_head=True).status == 100
        client.socket.sendall(b"abc")
        assert client.answer().body == b"3"


def test_an_answer_that_nobody_reads_ends(serve: Serve, house: House) -> None:
    port = serve(transfer_timeout_seconds=0.3)
    with peer(port, receive_buffer=4096) as client, peer(port, receive_buffer=4096) as stream:
        client.send("GET /large HTTP/1.1", _HOST)
        stream.send("GET /flood HTTP/1.1", _HOST)
        until(lambda: "flood ended" in house.noticed)
        assert _cut(client) < 32 << 20


def _cut(client: Peer) -> int:
    """How much came before the connection was cut."""
    size = 0
    with contextlib.suppress(ConnectionResetError):
        while part := client.socket.recv(1 << 20):
            size += len(part)
    return size


# Numbers


def test_an_address_has_so_many_connections_and_others_still_get_in(serve: Serve) -> None:
    port = serve(max_connections_per_address=3)
    with contextlib.ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(peer(port)).socket.sendall(b"GET /ok")
        refused = stack.enter_context(peer(port))
        refused.send("GET /ok HTTP/1.1", _HOST)
        answer = refused.answer()
        assert (answer.status, answer.detail) == (429, "your address has 3 connections open")
        assert answer.headers["retry-after"] == "1"
        other = stack.enter_context(peer(port, source="127.0.0.2"))
        other.send("GET /ok HTTP/1.1", _HOST)
        assert other.answer().status == 200
    with peer(port) as client:
        client.send("GET /ok HTTP/1.1", _HOST)
        assert client.answer().status in (200, 429)


def test_the_house_has_so_many_connections_until_some_are_closed(serve: Serve) -> None:
    port = serve(max_connections=2)
    with peer(port) as first, peer(port), peer(port) as refused:
        refused.send("GET /ok HTTP/1.1", _HOST)
        answer = refused.answer()
        assert (answer.status, answer.detail) == (503, "the service has 2 connections open")
        first.close()
        until(lambda: _status(port) == 200)


def _status(port: int) -> int:
    with peer(port) as client:
        client.send("GET /ok HTTP/1.1", _HOST)
        return client.answer().status


def test_a_burst_of_refusals_is_one_line(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    port = serve(max_url_bytes=20)
    with caplog.at_level(logging.WARNING):
        for _ in range(20):
            with peer(port) as client:
                client.send("GET /" + "x" * 30 + " HTTP/1.1", _HOST)
                assert client.answer().status == 414
    assert len([message for message in caplog.messages if "414" in message]) <= 1
