"""What probes are told, and when."""

from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2
from grpc_health.v1.health_pb2_grpc import HealthStub

from server.grpc import health
from server.grpc.messages.protocol import SERVICE
from tests.server.asking import FILES
from tests.server.grpc.calling import Caller, images, refusal
from tests.server.running import Running

RESPONSE = health_pb2.HealthCheckResponse


@pytest.fixture
def stub(caller: Caller) -> HealthStub:
    return HealthStub(caller.channel)


def test_services_are_known_by_name(stub: HealthStub) -> None:
    for name in ("", SERVICE):
        assert stub.Check(health_pb2.HealthCheckRequest(service=name)).status == RESPONSE.SERVING, name
    with refusal() as told:
        stub.Check(health_pb2.HealthCheckRequest(service="another"))
    assert told[0].code() is grpc.StatusCode.NOT_FOUND
    watched = stub.Watch(health_pb2.HealthCheckRequest(service="another"))
    assert next(watched).status == RESPONSE.SERVICE_UNKNOWN
    watched.cancel()


def test_draining_is_told_before_anything_ends(
    server: Running, caller: Caller, stub: HealthStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "_LOOK_SECONDS", 0.01)
    asked = health_pb2.HealthCheckRequest(service=SERVICE)
    watched: Any = stub.Watch(asked)
    assert next(watched).status == RESPONSE.SERVING
    server.service.drain()
    try:
        assert next(watched).status == stub.Check(asked).status == RESPONSE.NOT_SERVING
        assert not caller.call("ServerReady").ready
        assert not caller.call("ModelReady", name="signs").ready
        assert caller.call("ServerLive").live
        assert caller.refused("ModelInfer", request=images(FILES[0])) == (
            grpc.StatusCode.UNAVAILABLE,
            "the server is draining",
        )
    finally:
        server.service.state = "ready"
    assert next(watched).status == RESPONSE.SERVING
    watched.cancel()
