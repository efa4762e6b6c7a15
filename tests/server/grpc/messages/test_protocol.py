from importlib.resources import files
from pathlib import Path

from google.protobuf import descriptor_pb2, descriptor_pool
from grpc_tools import protoc

from server.grpc import messages
from server.grpc.messages.protocol import COMPILED, protocol
from server.grpc.route_declarations import ROUTES


def test_what_is_read_is_what_the_compiler_makes_of_the_definition(tmp_path: Path) -> None:
    folder, compiled = files(messages), tmp_path / COMPILED
    options = [f"--proto_path={folder}", f"--descriptor_set_out={compiled}", "inference.proto"]
    assert protoc.main(["protoc", *options]) == 0
    assert folder.joinpath(COMPILED).read_bytes() == compiled.read_bytes(), "make protos"


def test_another_library_of_the_same_names_is_no_hindrance() -> None:
    other = descriptor_pb2.FileDescriptorProto(name="grpc_service.proto", package="inference")
    other.message_type.add(name="ModelInferRequest")
    descriptor_pool.Default().AddSerializedFile(other.SerializeToString())
    protocol.cache_clear()
    assert protocol().methods["ModelInfer"].request(id="mine").id == "mine"


def test_every_call_is_a_route() -> None:
    assert set(protocol().methods) == set(ROUTES)
