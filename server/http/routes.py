"""The server's routes."""

from typing import Any

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel
from starlette.responses import Response

from server import errors
from server.http.handlers import Handlers, Server
from server.http.parameters import ManyTasksQuery, PredictionQuery, TaskPath, VersionPath, parameters
from server.http.schemas import Prediction, Predictions, Readiness

_BINARY = {"schema": {"type": "string", "format": "binary"}}
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "image/*": _BINARY,
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["image"],
                    "properties": {"image": {"type": "array", "items": _BINARY["schema"]}},
                }
            },
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["images"],
                    "properties": {"images": {"type": "array", "items": {"type": "string", "format": "byte"}}},
                }
            },
        },
    }
}


def build_router(server: Server) -> APIRouter:
    """Prediction, health and metrics."""
    router = APIRouter(tags=["server"])
    _add_predictions(router, Handlers(server))
    _add_health(router, server)
    return router


def _add_predictions(router: APIRouter, handlers: Handlers) -> None:
    """They read the request themselves, so their parameters are told here."""

    def add(where: str, handler: Any, answer: type[BaseModel], **read: type[BaseModel]) -> None:
        extra = _BODY | {"parameters": parameters(**read)}
        router.add_api_route(where, handler, methods=["POST"], response_model=answer, openapi_extra=extra)

    add("/tasks/{task}/predict", handlers.predict, Prediction, path=TaskPath, query=PredictionQuery)
    versioned = "/tasks/{task}/versions/{version}/predict"
    add(versioned, handlers.predict_version, Prediction, path=VersionPath, query=PredictionQuery)
    add("/predict", handlers.predict_many, Predictions, query=ManyTasksQuery)


def _add_health(router: APIRouter, server: Server) -> None:
    @router.get("/healthz")
    async def healthz() -> dict[str, str]:
        """The process answers."""
        return {"status": "ok"}

    @router.get("/readyz")
    async def readyz() -> Readiness:
        """Predictions can be asked: the engine is warm and the registry has been read."""
        routing = server.parts.routing
        if server.state != "ready" or not routing.synchronised:
            raise errors.NotReady("waiting for the registry" if server.state == "ready" else server.state)
        return Readiness(state=server.state, tasks=len(routing.tasks()))

    @router.get("/metrics", response_class=Response)
    def metrics() -> Response:
        return Response(generate_latest(server.metrics.registry), media_type=CONTENT_TYPE_LATEST)
