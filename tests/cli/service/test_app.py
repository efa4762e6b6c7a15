"""The one app of `nettailor up`, within this process."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI

from cli.service.app import serving
from server.http.fast_path import FastPath
from server.settings import ServerSettings
from tests.hosting.access.tables import declared, middleware, offered
from tests.processes.ports import free_port
from tests.server.grpc.calling import calling
from tests.server.measured_once import measured_once
from trainer.settings import Settings as TrainerSettings


@pytest.fixture
def grpc_port() -> int:
    return free_port()


@pytest.fixture
def app(tmp_path: Path, redis_url: str, backbone: str, grpc_port: int) -> Iterator[FastAPI]:
    server = ServerSettings(data_dir=tmp_path, device="cpu", winograd=False, grpc_port=grpc_port)
    trainer = TrainerSettings(data_dir=tmp_path, redis_url=redis_url, job_niceness=0)
    with measured_once(), serving(server, trainer, redis_url) as (app, _):
        yield app


def test_every_route_is_declared_and_every_declared_route_is_there(app: FastAPI) -> None:
    assert offered(app) == declared(app)
    assert len(offered(app)) > 40


def test_the_fast_path_stands_within_all_other_middleware(app: FastAPI) -> None:
    assert middleware(app)[-1] is FastPath


def test_calls_are_answered_while_the_app_runs(app: FastAPI, grpc_port: int) -> None:
    def is_live() -> bool:
        with calling(grpc_port) as caller:
            return bool(caller.call("ServerLive").live)

    async def while_it_runs() -> bool:
        async with app.router.lifespan_context(app):
            return await asyncio.to_thread(is_live)

    assert asyncio.run(while_it_runs())
