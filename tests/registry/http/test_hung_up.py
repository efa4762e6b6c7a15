"""Clients that hang up in the middle of publishing."""

import logging

import httpx
import pytest

from tests.hosting.web.connection.peer import peer
from tests.waiting import until


def test_it_is_a_line_for_debugging(http: httpx.Client, caplog: pytest.LogCaptureFixture) -> None:
    port = http.base_url.port
    assert port is not None
    with caplog.at_level(logging.DEBUG, "hosting.web.problems"):
        with peer(port) as client:
            client.send("POST /tasks/signs/versions HTTP/1.1", "Host: localhost", "Content-Length: 1000", body=b"half")
        until(lambda: "POST /tasks/signs/versions: the client hung up" in caplog.messages)
    assert not [record for record in caplog.records if record.levelno > logging.INFO]
