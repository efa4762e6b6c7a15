"""The one app of `nettailor up`, within this process."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI

from cli.service.app import serving
from server.http.fast_path import FastPath
from server.settings import ServerSettings
from tests.hosting.access.tables import declared, middleware, offered
from trainer.settings import Settings as TrainerSettings


@pytest.fixture
def app(tmp_path: Path, redis_url: str, backbone: str) -> Iterator[FastAPI]:
    server = ServerSettings(data_dir=tmp_path, device="cpu", winograd=False)
    with serving(server, TrainerSettings(data_dir=tmp_path, redis_url=redis_url), redis_url) as (app, _):
        yield app


def test_every_route_is_declared_and_every_declared_route_is_there(app: FastAPI) -> None:
    assert offered(app) == declared(app)
    assert len(offered(app)) > 40


def test_the_fast_path_stands_within_all_other_middleware(app: FastAPI) -> None:
    assert middleware(app)[-1] is FastPath
