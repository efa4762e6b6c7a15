"""One server with gRPC for each module of tests."""

from collections.abc import Iterator

import pytest

from registry.registry import Registry
from server.settings import ServerSettings
from tests.processes.ports import free_port
from tests.server.grpc.calling import Caller, calling
from tests.server.running import Running, running


@pytest.fixture(scope="module")
def server(settings: ServerSettings, stocked: Registry) -> Iterator[Running]:
    with running(settings.model_copy(update={"grpc_port": free_port()}), stocked) as server:
        yield server


@pytest.fixture(scope="module")
def caller(server: Running) -> Iterator[Caller]:
    with calling(server.service.settings.grpc_port) as caller:
        yield caller
