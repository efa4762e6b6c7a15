"""Clients that hang up in the middle of an upload."""

import logging

import httpx
import pytest

from tests.hosting.web.connection.peer import peer
from tests.waiting import until
from trainer.service import Service


@pytest.mark.parametrize("path", ["/tasks/signs/dataset", "/datasets/inspect"])
def test_it_is_a_line_for_debugging_and_nothing_stays(
    http: httpx.Client, service: Service, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    port = http.base_url.port
    assert port is not None
    uploads = service.settings.uploads_dir
    with caplog.at_level(logging.DEBUG, "hosting.web.problems"):
        with peer(port) as client:
            client.send(f"POST {path} HTTP/1.1", "Host: localhost", "Content-Length: 1000", body=b"PK")
            until(lambda: list(uploads.glob("upload-*")))
        until(lambda: f"POST {path}: the client hung up" in caplog.messages)
    assert not list(uploads.iterdir())
    assert not [record for record in caplog.records if record.levelno > logging.INFO]
