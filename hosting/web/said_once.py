"""Queries, and documents of JSON, that say two things."""

import contextlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel
from pydantic.fields import FieldInfo

_UNIONS = (Union, UnionType)
_SEVERAL = (list, set, frozenset, tuple)


def check_said_once(request: Request, *, but: str = "") -> None:
    """Raises `RequestValidationError` where a parameter other than `but` is given more than once: which of its values
    counts would be anybody's guess."""
    _refuse(name for name in _repeated(request) if name != but)


async def check_scalars_said_once(request: Request) -> None:
    """The same of a route whose handler has its parameters from FastAPI, which takes the last of several values. One
    that takes a list may be repeated; what the handler does not know is ignored, however often it is there.

    A dependency of every such route (`hosting.access.endpoint`), on the event loop.
    """
    repeated = _repeated(request)
    if repeated:
        route = request.scope["route"]
        assert isinstance(route, APIRoute)
        scalars = frozenset(_scalars(route.dependant))
        _refuse(name for name in repeated if name in scalars)


async def check_members_said_once(request: Request) -> None:
    """The same of the members of a body that FastAPI has parsed, which keeps the last of several; inner objects too."""
    route = request.scope["route"]
    assert isinstance(route, APIRoute)
    if not route.dependant.body_params:  # a handler that reads its body itself, which may be gigabytes
        return
    _refuse(repeated_members(await request.body()), place="body")


def repeated_members(data: bytes) -> list[str]:
    """Names that an object in a document of JSON has more than once; none of what is no JSON, which others say."""
    repeated: list[str] = []

    def members(pairs: list[tuple[str, Any]]) -> None:
        repeated.extend(_more_than_once(name for name, _ in pairs))

    with contextlib.suppress(ValueError, RecursionError):
        json.loads(data, object_pairs_hook=members)
    return repeated


def _repeated(request: Request) -> list[str]:
    if not request.scope["query_string"]:
        return []
    return _more_than_once(name for name, _ in request.query_params.multi_items())


def _more_than_once(names: Iterable[str]) -> list[str]:
    return [name for name, count in Counter(names).items() if count > 1]


def _refuse(names: Iterable[str], place: str = "query") -> None:
    faults = [{"type": "repeated", "loc": (place, name), "msg": "given more than once"} for name in names]
    if faults:
        raise RequestValidationError(faults)


def _scalars(dependant: Dependant) -> Iterator[str]:
    """Names of the query parameters that have one value."""
    for parameter in dependant.query_params:
        kind = parameter.field_info.annotation
        fields: dict[str, FieldInfo] = {parameter.alias: parameter.field_info}
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            fields = {field.alias or name: field for name, field in kind.model_fields.items()}
        yield from (name for name, field in fields.items() if not _takes_several(field.annotation))


def _takes_several(kind: Any) -> bool:
    origin = get_origin(kind)
    if origin is Annotated or origin in _UNIONS:
        return any(_takes_several(part) for part in get_args(kind))
    return (origin or kind) in _SEVERAL
