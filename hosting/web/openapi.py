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
    content = {media_type: {"schema": _reference(Problem.__name__)}}
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
        schemas = components.setdefault("schemas", {})
        schemas[Problem.__name__] = Problem.model_json_schema()
        schemas |= _named_bodies(document)
        components["securitySchemes"] = {_KEY: {"type": "http", "scheme": "bearer"}}
        return document

    app.openapi = openapi  # type: ignore[method-assign]  # as FastAPI's documentation tells to extend it


def _named_bodies(document: Described) -> dict[str, Described]:
    """Schemas of bodies that have a title, by it. What stood in their place refers to them: one that several routes
    take is one class of a generated client."""
    found = {}
    for operations in document.get("paths", {}).values():
        for operation in operations.values():
            for kind in operation.get("requestBody", {}).get("content", {}).values():
                schema = kind["schema"]
                if schema.get("type") == "object" and "title" in schema:
                    found[schema["title"]] = schema
                    kind["schema"] = _reference(schema["title"])
    return found


def _reference(name: str) -> Described:
    return {"$ref": f"#/components/schemas/{name}"}
