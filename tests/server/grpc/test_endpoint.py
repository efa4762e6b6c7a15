"""The endpoint from its start to its end."""

import threading

import grpc
from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha.reflection_pb2_grpc import ServerReflectionStub

from registry.registry import Registry
from server.grpc.messages.protocol import SERVICE
from server.settings import ServerSettings
from tests.processes.ports import free_port
from tests.server.asking import FILES
from tests.server.grpc.calling import Caller, calling, images
from tests.server.held import Held
from tests.server.running import running


def test_reflection_tells_what_there_is_to_call(caller: Caller) -> None:
    stub = ServerReflectionStub(caller.channel)
    asked = [
        reflection_pb2.ServerReflectionRequest(list_services=""),
        reflection_pb2.ServerReflectionRequest(file_containing_symbol=SERVICE),
        reflection_pb2.ServerReflectionRequest(file_containing_symbol="grpc.health.v1.Health"),
    ]
    services, ours, health = stub.ServerReflectionInfo(iter(asked))
    assert {service.name for service in services.list_services_response.service} == {
        SERVICE,
        "grpc.health.v1.Health",
        "grpc.reflection.v1alpha.ServerReflection",
    }
    assert b"ModelInferRequest" in ours.file_descriptor_response.file_descriptor_proto[0]
    assert health.file_descriptor_response.file_descriptor_proto


def test_what_was_accepted_is_answered_when_it_stops(settings: ServerSettings, stocked: Registry) -> None:
    port = free_port()
    answers = []
    with running(settings.model_copy(update={"grpc_port": port}), stocked) as server, calling(port) as caller:
        runner = server.service.parts.scheduler._runner
        held = Held(runner, lambda _: True)
        server.service.parts.scheduler._runner = held
        thread = threading.Thread(target=lambda: answers.append(caller.call("ModelInfer", request=images(FILES[0]))))
        thread.start()
        assert held.began.wait(30)
        assert server.service.under_way == 1
        held.go.set()
        thread.join(30)
        assert server.service.under_way == 0
    assert answers[0].model_version == "1"
    with calling(port) as caller:
        assert caller.refused("ServerLive")[0] is grpc.StatusCode.UNAVAILABLE
