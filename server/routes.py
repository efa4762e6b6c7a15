"""The server's routes."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.responses import Response

from registry.request_id import request_id
from server import errors
from server.measuring import Server, measured
from server.predictor import Options, Target, parse_target
from server.schemas import Prediction, Predictions, Readiness
from server.uploads import Upload

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


TopK = Annotated[int, Query(ge=1, le=1000, description="how many classes an image")]
Priority = Annotated[int, Query(ge=-100, le=100, description="within a task, more goes first")]
TimeoutMs = Annotated[int | None, Query(ge=1, le=600_000, description="answer by then, or 504")]


def build_router(server: Server) -> APIRouter:
    """Prediction, health and metrics."""
    router = APIRouter(tags=["server"])
    router.include_router(_predictions(server))
    _add_health(router, server)
    return router


def _predictions(server: Server) -> APIRouter:
    router = APIRouter(route_class=measured(server))

    async def answer(request: Request, targets: Sequence[Target], options: Options) -> list[Prediction]:
        upload = await _read(request, server.settings.max_body_bytes)
        return await server.parts.predictor.predict(targets, upload, options)

    async def asked(top_k: TopK = 5, priority: Priority = 0, timeout_ms: TimeoutMs = None) -> Options:
        timeout_s = (timeout_ms or server.settings.request_timeout_ms) / 1000
        return Options(top_k=top_k, priority=priority, timeout_s=timeout_s)

    asks = Depends(asked)

    @router.post("/tasks/{task}/predict", response_model=Prediction, openapi_extra=_BODY)
    async def predict(request: Request, task: str, options: Options = asks) -> Response:
        """Classify images. `task` may be `task@alias`; without an alias, what is live answers."""
        [prediction] = await answer(request, [parse_target(task)], options)
        return _answer(prediction, [prediction])

    @router.post("/tasks/{task}/versions/{version}/predict", response_model=Prediction, openapi_extra=_BODY)
    async def predict_version(
        request: Request,
        task: str,
        version: Annotated[int, Path(ge=1)],
        options: Options = asks,
    ) -> Response:
        """Classify images with one version, whatever is live."""
        target = Target(task=task, version=version)
        [prediction] = await answer(request, [target], options)
        return _answer(prediction, [prediction])

    @router.post("/predict", response_model=Predictions, openapi_extra=_BODY)
    async def predict_many(
        request: Request,
        tasks: Annotated[str, Query(min_length=1, description="names or name@alias, separated by commas")],
        options: Options = asks,
    ) -> Response:
        """Classify the same images for many tasks, in one pass for those that share preprocessing."""
        targets = _targets(tasks, server.settings.max_tasks)
        results = await answer(request, targets, options)
        return _answer(Predictions(results=results, request_id=request_id.get()), results)

    return router


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


def _targets(names: str, max_tasks: int) -> list[Target]:
    targets = [parse_target(name) for name in names.split(",")]
    if any(not target.task for target in targets):
        raise errors.RequestMalformed("query.tasks", "a name is empty")
    if len(set(targets)) < len(targets):
        raise errors.RequestMalformed("query.tasks", "a task is named twice")
    if len(targets) > max_tasks:
        raise errors.RequestMalformed("query.tasks", f"{len(targets)} tasks, at most {max_tasks} go into a request")
    return targets


async def _read(request: Request, limit_bytes: int) -> Upload:
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > limit_bytes:
        raise errors.BodyTooLarge(limit_bytes)
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit_bytes:
            raise errors.BodyTooLarge(limit_bytes)
        chunks.append(chunk)
    return Upload(content_type=request.headers.get("content-type", ""), body=b"".join(chunks))


def _answer(body: Prediction | Predictions, results: Sequence[Prediction]) -> Response:
    """`X-Task-Version` is the version, or `task=version` of each; `Server-Timing` is of the slowest part."""
    versions = ", ".join(f"{result.task}={result.version}" for result in results)
    timing = {
        part: max(getattr(result, f"{part}_ms") for result in results) for part in ("switch", "queue", "inference")
    }
    headers = {
        "X-Task-Version": versions if isinstance(body, Predictions) else str(results[0].version),
        "Server-Timing": ", ".join(f"{part};dur={milliseconds}" for part, milliseconds in timing.items()),
    }
    return Response(body.model_dump_json(), media_type="application/json", headers=headers)
