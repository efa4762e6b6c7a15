"""The server's routes."""

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.responses import Response

from hosting.access.endpoint import endpoint
from hosting.access.open_routes import HEALTHZ, METRICS, READYZ
from hosting.access.route_table import Route
from hosting.web.metrics_page import MetricsPage
from hosting.web.multipart import MEDIA_TYPE
from hosting.web.openapi import BINARY, OCTETS, TEXT, answered, takes, with_headers
from server.http.export_routes import add_exports
from server.http.handlers import Handlers
from server.http.open_inference.routes import add_open_inference
from server.http.parameters import ManyTasksQuery, PredictionQuery, TaskPath, VersionPath, parameters
from server.http.parts import Server
from server.http.route_declarations import PREDICT, PREDICT_MANY, PREDICT_VERSION
from server.http.schemas import JsonImages, Prediction, Predictions, Readiness
from server.open_inference.parts import check_ready

_FORM: dict[str, Any] = {
    "title": "ImageForm",
    "type": "object",
    "required": ["image"],
    "properties": {"image": {"type": "array", "items": BINARY}},
}
_BODY = takes(
    **{"image/*": BINARY, OCTETS: BINARY, MEDIA_TYPE: _FORM, "application/json": JsonImages.model_json_schema()}
)

_TOLD = with_headers("X-Task-Version", "Server-Timing")


def build_router(server: Server) -> APIRouter:
    """Prediction, export, the Open Inference Protocol, health and metrics."""
    own = APIRouter(tags=["server"])
    _add_predictions(own, Handlers(server))
    add_exports(own, server)
    _add_health(own, server)
    router = APIRouter()  # without a tag: the documentation's page shows a route once under each that it has
    router.include_router(own)
    add_open_inference(router, server)
    return router


def _add_predictions(router: APIRouter, handlers: Handlers) -> None:
    """The handlers read the request themselves, so the OpenAPI document learns their parameters here."""

    def add(route: Route, handler: Any, answer: type[BaseModel], **read: type[BaseModel]) -> None:
        extra = _BODY | {"parameters": parameters(**read)}
        endpoint(router, route, response_model=answer, openapi_extra=extra, responses=_TOLD)(handler)

    add(PREDICT, handlers.predict, Prediction, path=TaskPath, query=PredictionQuery)
    add(PREDICT_VERSION, handlers.predict_version, Prediction, path=VersionPath, query=PredictionQuery)
    add(PREDICT_MANY, handlers.predict_many, Predictions, query=ManyTasksQuery)


def _add_health(router: APIRouter, server: Server) -> None:
    @endpoint(router, HEALTHZ)
    async def healthz() -> dict[str, str]:
        """The process answers."""
        return {"status": "ok"}

    @endpoint(router, READYZ)
    async def readyz() -> Readiness:
        """Predictions can be asked: the engine is warm and the registry has been read. Where registry and trainer are
        served as well, Redis answers and there is room on the disk."""
        await check_ready(server)
        routing = server.parts.routing
        return Readiness(state=server.state, tasks=len(routing.tasks()), backbones=routing.backbones.names)

    page = MetricsPage(server.metrics.registry)

    @endpoint(router, METRICS, response_class=Response, responses=answered("text/plain", TEXT))
    async def metrics() -> Response:
        await server.gather_counts()
        return await page.answer()
