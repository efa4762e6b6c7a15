"""The handlers of the protocol over HTTP."""

from collections.abc import Mapping
from typing import TypeVar

from fastapi import Request
from pydantic import BaseModel
from starlette.responses import JSONResponse, Response

from hosting.access import caller
from hosting.access.route_table import Route
from server.http.bodies import read_body
from server.http.open_inference import route_declarations as routes
from server.http.open_inference import schemas
from server.http.open_inference.infer import Handler, InferHandler, model_of, problems_answered
from server.http.open_inference.requests import read_json
from server.open_inference import metadata
from server.open_inference.open_inference import OpenInference
from server.open_inference.parts import Server

M = TypeVar("M", bound=BaseModel)


class OpenInferenceHandlers:
    def __init__(self, server: Server) -> None:
        self._server = server
        self._protocol = OpenInference(server)
        self._infer = InferHandler(server)
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
            route: problems_answered(handler) for route, handler in handlers.items()
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
        name, version = model_of(request)
        if (name, version) == (routes.ALL_STATISTICS, ""):
            return await self._all_statistics()
        return _json(schemas.ModelDocument.of(await self._protocol.model_metadata(name, version)))

    async def model_ready(self, request: Request) -> Response:
        """Whether a request for the model would be answered, wherever its bundle is now."""
        name, version = model_of(request)
        await self._protocol.check_model_ready(name, version)
        return _json(schemas.ModelReadyDocument(name=name))

    async def configuration(self, request: Request) -> Response:
        """The model's configuration in Triton's words."""
        document = await self._protocol.model_configuration(*model_of(request))
        return _json(schemas.ConfigurationDocument.model_validate(document))

    async def statistics(self, request: Request) -> Response:
        """What the model has answered so far, by version: counts and times that only grow."""
        found = await self._protocol.statistics(*model_of(request))
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
        await self._protocol.load(model_of(request)[0], asked.parameters or {})
        return _json(schemas.NothingToSay())

    async def unload(self, request: Request) -> Response:
        """Take a model off the device once nobody uses it; the next request brings it back."""
        asked = await self._read(request, schemas.UnloadRequest)
        await self._protocol.unload(model_of(request)[0], asked.parameters or {})
        return _json(schemas.NothingToSay())

    async def infer(self, request: Request) -> Response:
        """Classify images: `image`, encoded files, or `pixels`. JSON, or JSON with binary data behind it."""
        return await self._infer.handle(request)

    async def _read(self, request: Request, model: type[M]) -> M:
        """The body's JSON; clients may leave it out where they ask for nothing particular."""
        body = await read_body(request, self._server.settings.max_body_bytes)
        return read_json(model, body.data, where="body") if body.data else model()


def _json(document: BaseModel) -> Response:
    return Response(document.model_dump_json(), media_type="application/json")
