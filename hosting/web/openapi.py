"""What the OpenAPI document says beside what FastAPI reads off the handlers: bodies that are no JSON, problems,
keys."""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI

from hosting.web.problems import MEDIA_TYPE, Problem

Described = dict[str, Any]
Responses = dict[int | str, Described]

BINARY: Described = {"type": "string", "format": "binary"}
TEXT: Described = {"type": "string"}
OBJECT: Described = {"type": "object", "additionalProperties": True}
OCTETS = "application/octet-stream"

_KEY = "key"


def answered(media_type: str, schema: Described, *, description: str = "as asked", status: int = 200) -> Responses:
    """An answer that no model describes."""
    return {status: {"description": description, "content": {media_type: {"schema": schema}}}}


def takes(**content: Described) -> Described:
    """The `openapi_extra` of a route that reads its body itself: one of these media types, by schema."""
    kinds = {media_type: {"schema": schema} for media_type, schema in content.items()}
    return {"requestBody": {"required": True, "content": kinds}}


def problems(statuses: Iterable[int], media_type: str = MEDIA_TYPE) -> Responses:
    """What a route may refuse with."""
    content = {media_type: {"schema": {"$ref": f"#/components/schemas/{Problem.__name__}"}}}
    return {status: {"description": HTTPStatus(status).phrase, "content": content} for status in statuses}


def with_key() -> Described:
    """The `openapi_extra` of a route that takes a key, where the service asks for keys."""
    return {"security": [{_KEY: []}, {}]}


def complete(app: FastAPI) -> None:
    """Have the app's document define what the others here refer to."""
    read_off = app.openapi

    def openapi() -> Described:
        document = read_off()
        components = document.setdefault("components", {})
        components.setdefault("schemas", {})[Problem.__name__] = Problem.model_json_schema()
        components["securitySchemes"] = {_KEY: {"type": "http", "scheme": "bearer"}}
        return document

    app.openapi = openapi  # type: ignore[method-assign]  # as FastAPI's documentation tells to extend it
