"""The gRPC server: it listens beside the HTTP server, in the same event loop, and asks the same predictor."""

import logging
from typing import Any

import grpc
import grpc.aio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2
from starlette.types import ASGIApp

from hosting.errors import SettingsInvalid
from server.grpc.calls import Calls
from server.grpc.health import Health
from server.grpc.messages.protocol import SERVICE, protocol
from server.grpc.operations import Operations
from server.open_inference.parts import Server
from server.settings import ServerSettings

logger = logging.getLogger(__name__)

_ENVELOPE_BYTES = 64 * 1024  # of a message, around images that are as long as a body may be
_GRACE_SECONDS = 1.0  # for streams that are open when it stops; predictions were answered before


class Endpoint:
    """Raises `SettingsInvalid` where it cannot listen."""

    def __init__(self, app: ASGIApp, server: Server, *, host: str, port: int) -> None:
        """To be called in the event loop that it is to run in. Port 0 takes any free port."""
        settings = server.settings
        operations = Operations(server)
        calls = Calls(app, server, operations)
        self._server = grpc.aio.server(
            options=_options(settings), maximum_concurrent_rpcs=settings.grpc_max_calls, compression=None
        )
        handlers = {name: calls.handler(method) for name, method in protocol().methods.items()}
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
        health_pb2_grpc.add_HealthServicer_to_server(Health(operations.is_ready), self._server)
        self._reflect()
        self.port = self._listen(host, port)

    async def start(self) -> None:
        await self._server.start()
        logger.info("gRPC listens on port %s", self.port)

    async def stop(self) -> None:
        await self._server.stop(_GRACE_SECONDS)

    def _reflect(self) -> None:
        """Let callers ask what there is to call, of the other services, too: theirs are not in our pool yet."""
        pool = protocol().pool
        for file in (health_pb2.DESCRIPTOR, reflection_pb2.DESCRIPTOR):
            pool.AddSerializedFile(file.serialized_pb)
        names = (SERVICE, health.SERVICE_NAME, reflection.SERVICE_NAME)
        reflection.enable_server_reflection(names, self._server, pool=pool)

    def _listen(self, host: str, port: int) -> int:
        address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        try:
            return int(self._server.add_insecure_port(address))
        except RuntimeError as error:
            raise SettingsInvalid([("NETTAILOR_GRPC_PORT", f"{address} cannot be listened on")]) from error


def _options(settings: ServerSettings) -> list[tuple[str, Any]]:
    return [
        ("grpc.so_reuseport", 0),  # a taken port is an error
        ("grpc.max_receive_message_length", settings.max_body_bytes + _ENVELOPE_BYTES),
        ("grpc.max_send_message_length", -1),
        ("grpc.absolute_max_metadata_size", settings.max_header_bytes),
        ("grpc.max_metadata_size", settings.max_header_bytes),
        (
            "grpc.max_concurrent_streams",
            2 * settings.grpc_max_calls,
        ),  # of a connection; calls beyond wait at the client
        ("grpc.server_handshake_timeout_ms", round(settings.header_timeout_seconds * 1000)),
        # A peer that is gone without a word is noticed, and one that says nothing is let go.
        ("grpc.keepalive_time_ms", round(settings.transfer_timeout_seconds * 1000)),
        ("grpc.keepalive_timeout_ms", round(settings.header_timeout_seconds * 1000)),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
    ]
