"""What a prediction's URL asks for (torch-free)."""

from collections.abc import Mapping
from functools import cache
from typing import Any, TypeVar

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hosting.web.said_once import check_said_once

Parameters = list[dict[str, Any]]
M = TypeVar("M", bound=BaseModel)


class PredictionQuery(BaseModel):
    """The query of every prediction."""

    model_config = ConfigDict(extra="forbid")

    top_k: int = Field(default=5, ge=1, le=1000, description="how many classes an image")
    priority: int = Field(default=0, ge=-100, le=100, description="within a task, more goes first")
    timeout_ms: int | None = Field(default=None, ge=1, le=600_000, description="answer by then, or 504")


class ManyTasksQuery(PredictionQuery):
    tasks: str = Field(
        min_length=1,
        description="names, name@alias or name@2 (a version), with commas between; may be given several times",
    )


class TaskPath(BaseModel):
    """The path of a prediction."""

    task: str = Field(description="its name, name@alias, or name@2 for a version; without either, what is live answers")


class VersionPath(TaskPath):
    version: int = Field(ge=1)


def query(request: Request, model: type[M]) -> M:
    """Raises `RequestValidationError`."""
    if not request.scope["query_string"]:
        unsaid = _unsaid(model)
        assert isinstance(unsaid, model)
        return unsaid
    check_said_once(request, but="tasks")
    asked = dict(request.query_params)
    if "tasks" in asked:
        asked["tasks"] = tasks_named(request)
    return _parsed(model, "query", asked)


@cache
def _unsaid(model: type[BaseModel]) -> BaseModel:
    """What holds where a query is empty, which is read only."""
    return _parsed(model, "query", {})


def tasks_named(request: Request) -> str:
    """All that a query names, as one list: `tasks=a&tasks=b` is `tasks=a,b`."""
    return ",".join(request.query_params.getlist("tasks"))


def path(request: Request, model: type[M]) -> M:
    """Raises `RequestValidationError`."""
    return _parsed(model, "path", request.path_params)


def parameters(**models: type[BaseModel]) -> Parameters:
    """The fields of `path=` and `query=` models as the OpenAPI document lists them."""
    found = []
    for place, model in models.items():
        schema = model.model_json_schema()
        for name, field in schema["properties"].items():
            described = {"name": name, "in": place, "required": name in schema.get("required", ()), "schema": field}
            if "description" in field:
                described["description"] = field.pop("description")
            found.append(described)
    return found


def _parsed(model: type[M], place: str, values: Mapping[str, Any]) -> M:
    try:
        return model.model_validate(dict(values))
    except ValidationError as failure:
        faults = failure.errors(include_url=False)
        raise RequestValidationError([{**fault, "loc": (place, *fault["loc"])} for fault in faults]) from failure
