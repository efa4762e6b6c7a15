"""The messages of the protocol, as `inference.proto` has them.

Every client of the protocol registers the same names in protobuf's common pool of descriptors, which takes each name
once: a process that holds two such libraries fails at import. So ours are read into a pool of their own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

SERVICE = "inference.GRPCInferenceService"
COMPILED = "inference.binpb"

Message = Any  # its classes are made while the process runs


@dataclass(frozen=True, kw_only=True)
class Method:
    """One call of the service."""

    name: str
    request: type[Message]
    response: type[Message]
    is_stream: bool


@dataclass(frozen=True, kw_only=True)
class Protocol:
    pool: descriptor_pool.DescriptorPool  # which reflection answers from
    methods: Mapping[str, Method]


@cache
def protocol() -> Protocol:
    """Read once a process."""
    pool = descriptor_pool.DescriptorPool()
    compiled = descriptor_pb2.FileDescriptorSet.FromString(files(__package__).joinpath(COMPILED).read_bytes())
    for file in compiled.file:
        pool.AddSerializedFile(file.SerializeToString())
    found = pool.FindServiceByName(SERVICE).methods
    return Protocol(pool=pool, methods={method.name: _method(method) for method in found})


def _method(described: Any) -> Method:
    return Method(
        name=described.name,
        request=message_factory.GetMessageClass(described.input_type),
        response=message_factory.GetMessageClass(described.output_type),
        is_stream=described.client_streaming,
    )
