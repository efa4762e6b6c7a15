"""The handlers of the protocol over HTTP."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial, wraps
from typing import TypeVar

from fastapi import Request
from pydantic import BaseModel
from starlette.responses import JSONResponse, Response

from hosting.access import caller
from hosting.access.route_table import Route
from hosting.web.problems import answer
from server.errors import RequestMalformed
from server.http.bodies import read_body, read_body_within
from server.http.counting import counted
from server.http.open_inference import route_declarations as routes
from server.http.open_inference import schemas
from server.http.open_inference.compression import coding_for, packed
from server.http.open_inference.requests import HEADER_LENGTH, RestRequest, read_json, request_of
from server.http.open_inference.responses import body_of
from server.http.problems import OPEN_INFERENCE_PROBLEMS
from server.open_inference import metadata
from server.open_inference.messages import InferResponse
from server.open_inference.names import target_of
from server.open_inference.open_inference import OpenInference
from server.open_inference.parts import Server

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)
Handler = Callable[[Request], Awaitable[Response]]

_SMALL_BYTES = 64 * 1024  # of a body that is taken apart, or an answer that is packed, on the event loop


class OpenInferenceHandlers:
    def __init__(self, server: Server) -> None:
        self._server = server
        self._protocol = OpenInference(server)
        handlers: Mapping[Route, Handler] = {
            routes.LIVE: self.live,
            routes.READY: self.ready,
            **dict.fromkeys((routes.SERVER, routes.SERVER_SLASH), self.server_metadata),
            routes.MODELS: self.models,
            **dict.fromkeys((routes.METADATA, routes.METADATA_OF_VERSION), self.model_metadata),
            **dict.fromkeys((routes.MODEL_READY, routes.MODEL_READY_OF_VERSION), self.model_ready),
            **dict.fromkeys((routes.CONFIG, routes.CONFIG_OF_VERSION), self.configuration),
            **dict.fromkeys((routes.STATISTICS, routes.STATISTICS_OF_VERSION), self.statistics),
            **dict.fromkeys((routes.INFER, routes.INFER_OF_VERSION), self.infer),
            routes.INDEX: self.index,
            routes.LOAD: self.load,
            routes.UNLOAD: self.unload,
        }
        self.by_route: Mapping[Route, Handler] = {
            route: _problems_answered(handler) for route, handler in handlers.items()
        }

    async def live(self, request: Request) -> Response:
        """The process answers."""
        return _json(schemas.LiveDocument())

    async def ready(self, request: Request) -> Response:
        """As `/readyz`: 200, or 503 with what is missing."""
        await self._protocol.check_ready()
        return _json(schemas.ReadyDocument())

    async def server_metadata(self, request: Request) -> Response:
        """What the server is, and which of the protocol's extensions it has."""
        return _json(schemas.ServerDocument.of(metadata.server_metadata()))

    async def models(self, request: Request) -> Response:
        """The tasks that can be asked."""
        return _json(schemas.ModelsDocument(models=await self._protocol.models()))

    async def model_metadata(self, request: Request) -> Response:
        """What goes in and comes out of a model; of `stats`, the statistics of all models."""
        name, version = _model(request)
        if (name, version) == (routes.ALL_STATISTICS, ""):
            return await self._all_statistics()
        return _json(schemas.ModelDocument.of(await self._protocol.model_metadata(name, version)))

    async def model_ready(self, request: Request) -> Response:
        """Whether a request for the model would be answered, wherever its bundle is now."""
        name, version = _model(request)
        await self._protocol.check_model_ready(name, version)
        return _json(schemas.ModelReadyDocument(name=name))

    async def configuration(self, request: Request) -> Response:
        """The model's configuration in Triton's words."""
        document = await self._protocol.model_configuration(*_model(request))
        return _json(schemas.ConfigurationDocument.model_validate(document))

    async def statistics(self, request: Request) -> Response:
        """What the model has answered so far, by version: counts and times that only grow."""
        found = await self._protocol.statistics(*_model(request))
        return _json(schemas.StatisticsDocument.of(found))

    async def _all_statistics(self) -> Response:
        caller.require("read")
        key = caller.key.get()
        found = await self._protocol.all_statistics(None if key is None else key.tasks)
        return _json(schemas.StatisticsDocument.of(found))

    async def index(self, request: Request) -> Response:
        """Every version of every task, and whether it is on the device."""
        asked = await self._read(request, schemas.IndexRequest)
        entries = await self._protocol.index(ready_only=asked.ready)
        return JSONResponse([schemas.IndexDocument.of(entry).model_dump() for entry in entries])

    async def load(self, request: Request) -> Response:
        """Make a model ready, and keep whatever its name leads to on the device from now on."""
        asked = await self._read(request, schemas.LoadRequest)
        await self._protocol.load(_model(request)[0], asked.parameters or {})
        return _json(schemas.NothingToSay())

    async def unload(self, request: Request) -> Response:
        """Take a model off the device once nobody uses it; the next request brings it back."""
        asked = await self._read(request, schemas.UnloadRequest)
        await self._protocol.unload(_model(request)[0], asked.parameters or {})
        return _json(schemas.NothingToSay())

    async def infer(self, request: Request) -> Response:
        """Classify images: `image`, encoded files, or `pixels`. JSON, or JSON with binary data behind it."""
        name, version = _model(request)

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

    async def _read(self, request: Request, model: type[M]) -> M:
        """The body's JSON; clients may leave it out where they ask for nothing particular."""
        body = await read_body(request, self._server.settings.max_body_bytes)
        return read_json(model, body.data, where="body") if body.data else model()


def _problems_answered(handler: Handler) -> Handler:
    """A handler that answers what has a problem document of its own, so that every way to it answers alike."""

    @wraps(handler)
    async def handle(request: Request) -> Response:
        try:
            return await handler(request)
        except Exception as failure:  # only what has a problem of its own; the rest is raised again
            return answer(request, failure, OPEN_INFERENCE_PROBLEMS)

    return handle


def _model(request: Request) -> tuple[str, str]:
    """Name and version, as the path has them. Raises `RequestMalformed` where they are none."""
    name, version = request.path_params["task"], request.path_params.get("version", "")
    target_of(name, version)
    return name, version


def _json(document: BaseModel) -> Response:
    return Response(document.model_dump_json(), media_type="application/json")
