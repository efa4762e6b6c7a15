"""Streams of a service that loses its Redis."""

import logging
from pathlib import Path

import httpx
import pytest

from hosting.redis_server.embedded import EmbeddedRedis
from tests.serving import served
from tests.trainer.uploads import upload
from tests.waiting import until
from trainer.http.app import create_app
from trainer.service import Service
from trainer.settings import Settings


@pytest.mark.parametrize("path", ["events", "logs?follow=true"])
def test_it_breaks_off_in_a_line(tmp_path: Path, caplog: pytest.LogCaptureFixture, path: str) -> None:
    with EmbeddedRedis(tmp_path / "redis") as server:
        settings = Settings(data_dir=tmp_path / "data", redis_url=server.url)
        with (
            Service(settings, server.url) as service,
            served(create_app(service)) as url,
            httpx.Client(base_url=url, trust_env=False, timeout=30) as http,
            http.stream("GET", f"/jobs/{upload(http).json()['id']}/{path}") as answer,
        ):
            texts = answer.iter_text()
            assert "queued" in next(texts)
            server.stop()
            with pytest.raises(httpx.RemoteProtocolError):  # no end: there may be more to tell
                list(texts)
            until(lambda: any(message.startswith("a stream broke off") for message in caplog.messages))
    assert not [record for record in caplog.records if record.exc_info and record.levelno > logging.INFO]
