"""Clients that send slowly, read slowly or hang up."""

import logging

import pytest

from registry.registry import Registry
from tests.hosting.web.connection.peer import Peer, peer
from tests.server.asking import FILES, publish
from tests.server.running import Running
from tests.waiting import until


@pytest.fixture(autouse=True)
def _published(registry: Registry) -> None:
    publish(registry)


def _port(server: Running) -> int:
    port = server.client.base_url.port
    assert port is not None
    return port


def _ask(client: Peer, query: str = "", *, body: bytes) -> None:
    head = (f"POST /tasks/signs/predict{query} HTTP/1.1", "Host: localhost", f"Content-Length: {len(FILES[0])}")
    client.send(*head, body=body)


def _counted(server: Running, code: int) -> float:
    value = server.service.metrics.registry.get_sample_value(
        "nettailor_requests_total", {"task": "signs", "code": str(code)}
    )
    return value or 0.0


def test_reading_the_body_counts_against_the_timeout(server: Running) -> None:
    with peer(_port(server)) as client:
        _ask(client, "?timeout_ms=100", body=FILES[0][:-1])
        answer = client.answer()
        assert (answer.status, answer.detail) == (408, "the body did not come in time")
        assert client.rest() == b""
    assert _counted(server, 408) == 1


def test_who_is_still_sending_is_not_admitted(server: Running) -> None:
    with peer(_port(server)) as client:
        _ask(client, body=FILES[0][:-1])
        until(lambda: server.service.under_way == 1)
        assert server.service.parts.admission.under_way == 0
        client.socket.sendall(FILES[0][-1:])
        assert client.answer().status == 200


def test_who_does_not_read_the_answer_holds_nothing(server: Running) -> None:
    with peer(_port(server), receive_buffer=1) as client:
        for _ in range(20):
            _ask(client, "?top_k=1000", body=FILES[0])
        until(lambda: _counted(server, 200) == 20)
        assert (server.service.under_way, server.service.parts.admission.under_way) == (0, 0)


def test_who_hangs_up_is_499_and_a_line_for_debugging(server: Running, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "hosting.web.problems"), peer(_port(server)) as client:
        _ask(client, body=FILES[0][:-1])
        until(lambda: server.service.under_way == 1)
        client.close()
        until(lambda: "POST /tasks/signs/predict: the client hung up" in caplog.messages)
    assert _counted(server, 499) == 1
    assert not [record for record in caplog.records if record.levelno > logging.INFO]


def test_the_service_knows_until_when_it_has_promised_answers(server: Running) -> None:
    now = server.service.parts.predictor.clock()
    answer = server.client.post("/tasks/signs/predict?timeout_ms=600000", content=FILES[0])
    assert answer.status_code == 200
    assert server.service.answered_by >= now + 600
