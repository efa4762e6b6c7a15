"""The protocol's routes, and what the OpenAPI document says of them."""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel

from hosting.access.endpoint import endpoint
from hosting.web.openapi import problems, with_headers
from hosting.web.problem import media_type_of
from server.http.open_inference import route_declarations as routes
from server.http.open_inference import schemas
from server.http.open_inference.handlers import OpenInferenceHandlers
from server.http.parameters import parameters
from server.open_inference.parts import Server

_MALFORMED = 400  # as the protocol has it, where other routes answer 422
_NEVER = (409, 507)  # nothing is written
_BINARY = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
_ANSWERS: dict[Any, Any] = {
    **dict.fromkeys((routes.SERVER, routes.SERVER_SLASH), schemas.ServerDocument),
    routes.LIVE: schemas.LiveDocument,
    routes.READY: schemas.ReadyDocument,
    routes.MODELS: schemas.ModelsDocument,
    routes.METADATA: schemas.ModelDocument | schemas.StatisticsDocument,  # the latter of `stats`
    routes.METADATA_OF_VERSION: schemas.ModelDocument,
    **dict.fromkeys((routes.MODEL_READY, routes.MODEL_READY_OF_VERSION), schemas.ModelReadyDocument),
    **dict.fromkeys((routes.CONFIG, routes.CONFIG_OF_VERSION), schemas.ConfigurationDocument),
    **dict.fromkeys((routes.STATISTICS, routes.STATISTICS_OF_VERSION), schemas.StatisticsDocument),
    **dict.fromkeys((routes.INFER, routes.INFER_OF_VERSION), schemas.InferenceAnswer),
    routes.INDEX: list[schemas.IndexDocument],
    **dict.fromkeys((routes.LOAD, routes.UNLOAD), schemas.NothingToSay),
}
_BODIES: dict[Any, type[BaseModel]] = {
    **dict.fromkeys((routes.INFER, routes.INFER_OF_VERSION), schemas.InferenceHeader),
    routes.INDEX: schemas.IndexRequest,
    routes.LOAD: schemas.LoadRequest,
    routes.UNLOAD: schemas.UnloadRequest,
}


class OpenPath(BaseModel):
    """A path that names no model."""


class ModelPath(OpenPath):
    """The path of a model."""

    task: str


class VersionPath(ModelPath):
    """The path of a model's version."""

    version: str


def add_open_inference(router: APIRouter, server: Server) -> None:
    """The handlers read the request themselves, so the OpenAPI document learns of bodies and parameters here."""
    protocol = APIRouter(tags=["open inference protocol"])
    for route, handler in OpenInferenceHandlers(server).by_route.items():
        extra: dict[str, Any] = {"parameters": parameters(path=_path(route.path))}
        if route in _BODIES:
            extra["requestBody"] = _request_body(_BODIES[route], is_binary=route.is_prediction)
        answers = problems((_MALFORMED,), media_type_of(route.path)) if route in _BODIES or "{" in route.path else {}
        if route.is_prediction:
            answers[200] = {"content": _BINARY} | with_headers("X-Task-Version", "Server-Timing")[200]
        options: dict[str, Any] = {"response_model": _ANSWERS[route], "responses": answers, "never": _NEVER}
        options["operation_id"] = f"{handler.__name__}{'_of_version' if '{version}' in route.path else ''}"
        is_shown = route is not routes.SERVER_SLASH
        endpoint(protocol, route, openapi_extra=extra, include_in_schema=is_shown, **options)(handler)
    router.include_router(protocol)


def _path(path: str) -> type[OpenPath]:
    if "{version}" in path:
        return VersionPath
    return ModelPath if "{task}" in path else OpenPath


def _request_body(model: type[BaseModel], *, is_binary: bool) -> dict[str, Any]:
    schema = model.model_json_schema()
    content = {"application/json": {"schema": _spelt_out(schema, schema.pop("$defs", {}))}}
    return {"required": is_binary, "content": content | (_BINARY if is_binary else {})}


def _spelt_out(schema: Any, definitions: Mapping[str, Any]) -> Any:
    """A schema without references, which in the OpenAPI document would lead elsewhere."""
    if isinstance(schema, list):
        return [_spelt_out(part, definitions) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _spelt_out(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    return {key: _spelt_out(part, definitions) for key, part in schema.items()}
