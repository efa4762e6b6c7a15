"""The handler of `infer`, wherever the engine is (torch-free)."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial, wraps
from typing import TypeVar

from fastapi import Request
from starlette.responses import Response

from hosting.web.problems import answer
from server.errors import RequestMalformed
from server.http.bodies import read_body_within
from server.http.counting import counted
from server.http.open_inference.compression import coding_for, packed
from server.http.open_inference.requests import HEADER_LENGTH, RestRequest, request_of
from server.http.open_inference.responses import body_of
from server.http.problems import OPEN_INFERENCE_PROBLEMS
from server.open_inference.infer import Infer
from server.open_inference.messages import InferResponse
from server.open_inference.names import target_of
from server.prediction.parts import PredictionServer

T = TypeVar("T")
Handler = Callable[[Request], Awaitable[Response]]

_SMALL_BYTES = 64 * 1024  # of a body that is taken apart, or an answer that is packed, on the event loop


class InferHandler:
    def __init__(self, server: PredictionServer) -> None:
        self._server = server
        self._protocol = Infer(server)
        self.answer: Handler = problems_answered(self.handle)

    async def handle(self, request: Request) -> Response:
        """Raises what has a problem document of its own."""
        name, version = model_of(request)

        async def answered() -> Response:
            return await self._infer(request, name, version)

        return await counted(self._server, [name.partition("@")[0]], answered, OPEN_INFERENCE_PROBLEMS)

    async def _infer(self, request: Request, name: str, version: str) -> Response:
        if request.scope["query_string"]:
            raise RequestMalformed("query", "the protocol has no parameters there")
        target = self._protocol.admit(name, version)
        arrived_at, settings = self._protocol.clock(), self._server.settings
        body = await read_body_within(request, settings.max_body_bytes, settings.request_timeout_ms / 1000)
        asked = await self._off_the_loop(
            partial(request_of, body.data, request.headers.getlist(HEADER_LENGTH)), len(body.data)
        )
        response = await self._protocol.infer(name, target, asked.request, arrived_at=arrived_at)
        return await self._written(request, response, asked)

    async def _written(self, request: Request, response: InferResponse, asked: RestRequest) -> Response:
        data, json_bytes = body_of(response, asked)
        headers = {
            "X-Task-Version": str(response.model_version),
            "Server-Timing": ", ".join(
                f"{part};dur={response.parameters[f'{part}_ms']}" for part in ("switch", "queue", "inference")
            ),
        }
        if json_bytes is not None:
            headers[HEADER_LENGTH] = str(json_bytes)
        if coding := coding_for(request.headers.get("accept-encoding", ""), len(data)):
            data = await self._off_the_loop(partial(packed, data, coding), len(data))
            headers |= {"Content-Encoding": coding, "Vary": "Accept-Encoding"}
        media_type = "application/json" if json_bytes is None else "application/octet-stream"
        return Response(data, media_type=media_type, headers=headers)

    async def _off_the_loop(self, work: Callable[[], T], size_bytes: int) -> T:
        """What work gives; done in a thread if it is on much."""
        if size_bytes <= _SMALL_BYTES:
            return work()
        return await asyncio.get_running_loop().run_in_executor(self._server.parts.decodes, work)


def problems_answered(handler: Handler) -> Handler:
    """A handler that answers what has a problem document of its own, so that every way to it answers alike."""

    @wraps(handler)
    async def handle(request: Request) -> Response:
        try:
            return await handler(request)
        except Exception as failure:  # only what has a problem of its own; the rest is raised again
            return answer(request, failure, OPEN_INFERENCE_PROBLEMS)

    return handle


def model_of(request: Request) -> tuple[str, str]:
    """Name and version, as the path has them. Raises `RequestMalformed` where they are none."""
    name, version = request.path_params["task"], request.path_params.get("version", "")
    target_of(name, version)
    return name, version
