"""`grpc.health.v1`: what Kubernetes and load balancers ask. Its answers are those of `/readyz`."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc.aio
from grpc_health.v1 import health_pb2
from grpc_health.v1.health_pb2_grpc import HealthServicer

from server.grpc.messages.protocol import SERVICE, Message

IsReady = Callable[[], Awaitable[bool]]

_WHOLE = ""  # the name under which a health check asks for the server as a whole
_LOOK_SECONDS = 1.0  # between two looks for those who watch

_UNKNOWN = health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
_SERVING = health_pb2.HealthCheckResponse.SERVING
_NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


class Health(HealthServicer):  # type: ignore[misc]  # grpcio has no types
    def __init__(self, is_ready: IsReady) -> None:
        self._is_ready = is_ready

    async def Check(self, request: Message, context: "grpc.aio.ServicerContext[Any, Any]") -> Message:
        status = await self._status(request.service)
        if status == _UNKNOWN:
            await context.abort(grpc.StatusCode.NOT_FOUND, f"there is no service {request.service[:100]!r} here")
        return health_pb2.HealthCheckResponse(status=status)

    async def Watch(self, request: Message, context: "grpc.aio.ServicerContext[Any, Any]") -> AsyncIterator[Message]:
        """Told at once, then whenever it is another one; the caller ends it."""
        told = None
        while True:
            status = await self._status(request.service)
            if status != told:
                yield health_pb2.HealthCheckResponse(status=status)
                told = status
            await asyncio.sleep(_LOOK_SECONDS)

    async def _status(self, service: str) -> Any:
        if service not in (_WHOLE, SERVICE):
            return _UNKNOWN
        return _SERVING if await self._is_ready() else _NOT_SERVING
