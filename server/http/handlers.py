"""The handlers of predictions: from a request whose path is known to its answer. Every answer is counted."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Executor
from contextlib import AbstractContextManager
from typing import Any, Protocol

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from hosting.telemetry.request_id import request_id
from hosting.web.connection.scope import body_is_there
from hosting.web.problems import CLIENT_GONE
from hosting.web.slow_body import SlowBody
from server import errors
from server.export.worker import ExportWorker
from server.http.bodies import Body, images_of, read_body
from server.http.parameters import ManyTasksQuery, PredictionQuery, TaskPath, VersionPath, path, query, tasks_named
from server.http.problems import status_of
from server.http.schemas import Prediction, Predictions
from server.metrics import Metrics
from server.prediction.predictor import Options, Predictor
from server.prediction.routing import Routing, Target, parse_target
from server.settings import ServerSettings

# What keeps the process from being ready, as "without ..."; None: nothing does.
Missing = Callable[[], Awaitable[str | None]]


class Parts(Protocol):
    """What the handlers need of a running server."""

    @property
    def predictor(self) -> Predictor: ...

    @property
    def decodes(self) -> Executor:
        """Threads for work that must not hold up the event loop."""

    @property
    def routing(self) -> "Routing[Any, Any]": ...

    @property
    def exports(self) -> ExportWorker: ...


class Server(Protocol):
    """What the handlers need of a server, running or not."""

    settings: ServerSettings
    metrics: Metrics
    state: str  # starting, ready or draining
    missing: Missing

    @property
    def parts(self) -> Parts:
        """Raises `NotReady`."""

    def answering(self) -> AbstractContextManager[None]:
        """A context to hold from a prediction's arrival to its answer. Raises `NotReady` when draining."""

    def accept_until(self, deadline: float) -> None:
        """A prediction was accepted that has until then, on the monotonic clock, to be answered."""


class Handlers:
    """Every handler raises `RequestValidationError`, and what `Predictor.predict` raises."""

    def __init__(self, server: Server) -> None:
        self._server = server

    async def predict(self, request: Request) -> Response:
        """Classify images. `task` may be `task@alias`; without an alias, what is live answers."""

        async def answer() -> Response:
            target = parse_target(path(request, TaskPath).task)
            [prediction] = await self._predict(request, [target], query(request, PredictionQuery))
            return _response(prediction, [prediction])

        return await self._counted(request.path_params["task"], answer)

    async def predict_version(self, request: Request) -> Response:
        """Classify images with one version, whatever is live."""

        async def answer() -> Response:
            named = path(request, VersionPath)
            target = Target(task=named.task, version=named.version)
            [prediction] = await self._predict(request, [target], query(request, PredictionQuery))
            return _response(prediction, [prediction])

        return await self._counted(request.path_params["task"], answer)

    async def predict_many(self, request: Request) -> Response:
        """Classify the same images for many tasks, in one pass for those that share preprocessing."""

        async def answer() -> Response:
            asked = query(request, ManyTasksQuery)
            targets = _targets(asked.tasks, self._server.settings.max_tasks)
            results = await self._predict(request, targets, asked)
            return _response(Predictions(results=results, request_id=request_id.get()), results)

        return await self._counted(tasks_named(request), answer)

    async def _predict(self, request: Request, targets: Sequence[Target], asked: PredictionQuery) -> list[Prediction]:
        parts, settings = self._server.parts, self._server.settings
        # What is refused must cost next to nothing, or refusing takes the time that what was accepted needs.
        parts.predictor.admission.check([target.task for target in targets])
        seconds = (asked.timeout_ms or settings.request_timeout_ms) / 1000
        deadline = parts.predictor.clock() + seconds
        self._server.accept_until(deadline)
        body = await _body(request, settings.max_body_bytes, seconds)
        files = await images_of(body, parts.decodes, max_images=settings.max_images)
        options = Options(top_k=asked.top_k, priority=asked.priority, deadline=deadline)
        return [Prediction.of(answer) for answer in await parts.predictor.predict(targets, files, options)]

    async def _counted(self, names: str, answer: Callable[[], Awaitable[Response]]) -> Response:
        """Count an answer or an error by its tasks, known or not, and its status."""
        metrics, began_at, code = self._server.metrics, time.monotonic(), CLIENT_GONE
        try:
            with self._server.answering():
                response = await answer()
            code = response.status_code
            return response
        except Exception as failure:  # only looked at: the problem handlers answer it
            code = _status(failure)
            if code in (413, 415, 422, 429):
                metrics.rejected.labels(type(failure).__name__).inc()
            raise
        finally:
            tasks = [parse_target(name).task for name in names.split(",")]
            metrics.answered(tasks, code, time.monotonic() - began_at)


async def _body(request: Request, limit_bytes: int, seconds: float) -> Body:
    """Raises `BodyTooLarge`, `SlowBody`."""
    if body_is_there(request.scope):  # then a timer would cost more than the reading
        return await read_body(request, limit_bytes)
    try:
        async with asyncio.timeout(seconds):
            return await read_body(request, limit_bytes)
    except TimeoutError:
        raise SlowBody from None


def _status(failure: Exception) -> int:
    if isinstance(failure, RequestValidationError):
        return 422
    if isinstance(failure, ClientDisconnect):
        return CLIENT_GONE
    return failure.status_code if isinstance(failure, HTTPException) else status_of(failure)


def _targets(names: str, max_tasks: int) -> list[Target]:
    targets = [parse_target(name) for name in names.split(",")]
    if any(not target.task for target in targets):
        raise errors.RequestMalformed("query.tasks", "a name is empty")
    if len(set(targets)) < len(targets):
        raise errors.RequestMalformed("query.tasks", "a task is named twice")
    if len(targets) > max_tasks:
        raise errors.RequestMalformed("query.tasks", f"{len(targets)} tasks, at most {max_tasks} go into a request")
    return targets


def _response(body: Prediction | Predictions, results: Sequence[Prediction]) -> Response:
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
