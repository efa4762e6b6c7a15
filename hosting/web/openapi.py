"""What the OpenAPI document says beside what FastAPI reads off the handlers: bodies that are no JSON, headers, problems
and keys."""

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI

from hosting.web.problem import MEDIA_TYPE, Problem

Described = dict[str, Any]
Responses = dict[int | str, Described]

BINARY: Described = {"type": "string", "format": "binary"}
TEXT: Described = {"type": "string"}
OBJECT: Described = {"type": "object", "additionalProperties": True}
OCTETS = "application/octet-stream"

_KEY, _LINK = "key", "link"

_REQUEST_ID, _CHALLENGE, _RETRY_AFTER = "X-Request-Id", "WWW-Authenticate", "Retry-After"
_HEADERS = {  # that answers have: what each says, and its type
    _REQUEST_ID: ("of the request, as it came or as it was given; logs have it, too", "string"),
    _CHALLENGE: ("how to show a key (RFC 6750)", "string"),
    _RETRY_AFTER: ("seconds", "integer"),
    "ETag": ("of these bytes", "string"),
    "Link": ('URL of the next page, with `rel="next"` (RFC 8288); missing at the last one', "string"),
    "Location": ("path of the job", "string"),
    "Content-Disposition": ("name of the file", "string"),
    "Server-Timing": ("milliseconds of switch, queue and inference", "string"),
    "X-Task-Version": ("version that answers", "string"),
    "X-Top1-Agreement": ("share of images on which the file and the server name the same class", "number"),
}
_ALWAYS = {401: _CHALLENGE, 429: _RETRY_AFTER, 503: _RETRY_AFTER}  # headers without which such a refusal never comes
_ON_THE_WAY = (
    "Refused before it reached the route: no HTTP, a method that the path has not, a body where none belongs, too slow "
    "or too long (400, 405, 408, 413, 414, 431)"
)


def answered(media_type: str, schema: Described, *, headers: Iterable[str] = ()) -> Responses:
    """An answer that no model describes."""
    return answered_as({media_type: schema}, description="as asked", headers=headers)


def answered_as(kinds: Mapping[str, Described], *, description: str, headers: Iterable[str] = ()) -> Responses:
    """An answer of one of several media types, by schema."""
    content = {media_type: {"schema": schema} for media_type, schema in kinds.items()}
    return {200: {"description": description, "content": content} | with_headers(*headers)[200]}


def with_headers(*names: str, status: int = 200) -> Responses:
    """The headers of an answer; what else it has is said elsewhere."""
    return {status: {"headers": {name: _reference(name, "headers") for name in names}} if names else {}}


def takes(**content: Described) -> Described:
    """The `openapi_extra` of a route that reads its body itself: one of these media types, by schema."""
    kinds = {media_type: {"schema": schema} for media_type, schema in content.items()}
    return {"requestBody": {"required": True, "content": kinds}}


def problems(statuses: Iterable[int], media_type: str = MEDIA_TYPE) -> Responses:
    """What a route may refuse with."""
    return {status: _problem(media_type, HTTPStatus(status).phrase, _headers_of(status)) for status in statuses}


def on_the_way(media_type: str) -> Responses:
    """What is refused whatever the route is."""
    return {"default": _problem(media_type, _ON_THE_WAY, {})}


def _problem(media_type: str, description: str, headers: Described) -> Described:
    content = {media_type: {"schema": _reference(Problem.__name__)}}
    return {"description": description, "content": content} | ({"headers": headers} if headers else {})


def _headers_of(status: int) -> Described:
    names = [_REQUEST_ID, *([_ALWAYS[status]] if status in _ALWAYS else ())]
    return {name: _reference(name, "headers") for name in names}


def with_key(*, or_link: bool = False) -> Described:
    """The `openapi_extra` of a route that takes a key, or the token of a link, where the service asks for keys."""
    return {"security": [{_KEY: []}, *([{_LINK: []}] if or_link else ()), {}]}


def complete(app: FastAPI) -> None:
    """Have the app's document define what the others here refer to."""
    read_off = app.openapi

    def openapi() -> Described:
        document = read_off()
        components = document.setdefault("components", {})
        schemas = components.setdefault("schemas", {})
        schemas[Problem.__name__] = Problem.model_json_schema()
        schemas |= _named_bodies(document)
        components["headers"] = {
            name: {"description": said, "schema": {"type": kind}, "required": name in _ALWAYS.values()}
            for name, (said, kind) in _HEADERS.items()
        }
        components["securitySchemes"] = {
            _KEY: {"type": "http", "scheme": "bearer", "description": "the secret of a key"},
            _LINK: {
                "type": "apiKey",
                "in": "query",
                "name": "token",
                "description": "of a link that was made for the path",
            },
        }
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


def _reference(name: str, kind: str = "schemas") -> Described:
    return {"$ref": f"#/components/{kind}/{name}"}
