"""Streams of a service that loses its Redis."""

import contextlib
import logging
from pathlib import Path

import httpx
import pytest
import redis

from hosting.redis_server.embedded import EmbeddedRedis
from registry.wiring import connect
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


@pytest.mark.parametrize("path", ["events", "logs?follow=true"])
def test_its_connection_to_redis_ends_with_it(tmp_path: Path, redis_server: EmbeddedRedis, path: str) -> None:
    settings = Settings(data_dir=tmp_path, redis_url=redis_server.url)
    with (
        Service(settings, redis_server.url) as service,
        served(create_app(service)) as url,
        httpx.Client(base_url=url, trust_env=False, timeout=30) as http,
        contextlib.closing(connect(redis_server.url)) as client,
    ):
        job = upload(http).json()["id"]
        with http.stream("GET", f"/jobs/{job}/{path}") as answer:
            texts = answer.iter_text()
            assert next(texts)
            until(lambda: _readers(client) == 1, "the stream waits for what comes next")
        until(lambda: _readers(client) == 0, "its client left")
        assert http.post(f"/jobs/{job}/cancel").status_code == 200
        assert http.get(f"/jobs/{job}/{path}").status_code == 200
        until(lambda: _readers(client) == 0, "all was told")


def _readers(client: "redis.Redis") -> int:
    """Connections whose last command was to read a stream."""
    return sum(found["cmd"].startswith("xread") for found in client.client_list())
