"""A caller of the service: gRPC's own channel, with the messages of `inference.proto` and nothing else of ours."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import grpc

from server.grpc.messages.protocol import SERVICE, protocol
from server.open_inference.datatypes import joined_elements

_SECONDS = 60  # that a call may take on a busy machine


@dataclass(frozen=True, kw_only=True)
class Caller:
    channel: grpc.Channel

    def call(self, name: str, /, *, request: Any = None, **options: Any) -> Any:
        """The answer to a call, with fields of its message for options. Raises `grpc.RpcError`."""
        metadata, timeout = options.pop("metadata", None), options.pop("timeout", _SECONDS)
        method = protocol().methods[name]
        unary = self.channel.unary_unary(
            f"/{SERVICE}/{name}",
            request_serializer=method.request.SerializeToString,
            response_deserializer=method.response.FromString,
        )
        message = method.request(**options) if request is None else request
        return unary(message, timeout=timeout, metadata=metadata)

    def stream(self, requests: Sequence[Any], **options: Any) -> list[Any]:
        """The answers to a stream of messages, in their order."""
        method = protocol().methods["ModelStreamInfer"]
        streaming = self.channel.stream_stream(
            f"/{SERVICE}/ModelStreamInfer",
            request_serializer=method.request.SerializeToString,
            response_deserializer=method.response.FromString,
        )
        return list(streaming(iter(requests), timeout=_SECONDS, **options))

    def refused(self, name: str, /, **options: Any) -> tuple[grpc.StatusCode, str]:
        """The status and the text of a call that is refused."""
        with refusal() as told:
            self.call(name, **options)
        return told[0].code(), told[0].details()


@contextlib.contextmanager
def refusal() -> Iterator[list[Any]]:
    """Within it a call is refused; the error is in the list afterwards."""
    told: list[Any] = []
    try:
        yield told
    except grpc.RpcError as error:
        told.append(error)
    assert told, "nothing was refused"


@contextlib.contextmanager
def calling(port: int) -> Iterator[Caller]:
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield Caller(channel=channel)


def images(*files: bytes, name: str = "signs", **fields: Any) -> Any:
    """A message that asks about image files, raw as tritonclient has it."""
    message = protocol().methods["ModelInfer"].request(model_name=name, **fields)
    message.inputs.add(name="image", datatype="BYTES", shape=[len(files)])
    message.raw_input_contents.append(joined_elements(files))
    return message
