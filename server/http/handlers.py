"""The handlers of predictions: from a request whose path is known to its answer. Every answer is counted."""

from collections.abc import Awaitable, Callable, Sequence

from fastapi import Request
from pydantic_core import to_json
from starlette.responses import Response

from server import errors
from server.http.bodies import images_of, read_body_within
from server.http.counting import counted
from server.http.parameters import ManyTasksQuery, PredictionQuery, VersionPath, path, query, tasks_named
from server.http.problems import ALL_PROBLEMS
from server.http.schemas import Prediction, Predictions, milliseconds
from server.prediction.answer import Answer
from server.prediction.inference import Options
from server.prediction.parts import PredictionServer
from server.prediction.target import Target, parse_target


class Handlers:
    """Every handler raises `RequestValidationError`, and what `Predictor.predict` raises."""

    def __init__(self, server: PredictionServer) -> None:
        self._server = server

    async def predict(self, request: Request) -> Response:
        """Classify images. `task` may be `task@alias`, or `task@2` for a version; else what is live answers."""

        target = parse_target(request.path_params["task"])

        async def answer() -> Response:
            [found] = await self._predict(request, [target], query(request, PredictionQuery))
            return _one(found)

        return await counted(self._server, [target.task], answer, ALL_PROBLEMS)

    async def predict_version(self, request: Request) -> Response:
        """Classify images with one version, whatever is live."""

        async def answer() -> Response:
            named = path(request, VersionPath)
            target = Target(task=named.task, version=named.version)
            [found] = await self._predict(request, [target], query(request, PredictionQuery))
            return _one(found)

        return await self._counted(request.path_params["task"], answer)

    async def predict_many(self, request: Request) -> Response:
        """Classify the same images for many tasks, in one pass for those that share preprocessing."""

        async def answer() -> Response:
            asked = query(request, ManyTasksQuery)
            targets = _targets(asked.tasks, self._server.settings.max_tasks)
            return _several(await self._predict(request, targets, asked))

        return await self._counted(tasks_named(request), answer)

    async def _predict(self, request: Request, targets: Sequence[Target], asked: PredictionQuery) -> list[Answer]:
        parts, settings = self._server.parts, self._server.settings
        # What is refused must cost next to nothing, or refusing takes the time that what was accepted needs.
        parts.predictor.check_room([target.task for target in targets])
        seconds = (asked.timeout_ms or settings.request_timeout_ms) / 1000
        deadline = parts.predictor.clock() + seconds
        self._server.accept_until(deadline)
        body = await read_body_within(request, settings.max_body_bytes, seconds)
        files = await images_of(body, parts.decodes, max_images=settings.max_images)
        options = Options(top_k=asked.top_k, priority=asked.priority, deadline=deadline)
        return await parts.predictor.predict(targets, files, options)

    async def _counted(self, names: str, answer: Callable[[], Awaitable[Response]]) -> Response:
        tasks = [parse_target(name).task for name in names.split(",")]
        return await counted(self._server, tasks, answer, ALL_PROBLEMS)


def _targets(names: str, max_tasks: int) -> list[Target]:
    targets = [parse_target(name) for name in names.split(",")]
    if any(not target.task for target in targets):
        raise errors.RequestMalformed("query.tasks", "a name is empty")
    if len(set(targets)) < len(targets):
        raise errors.RequestMalformed("query.tasks", "a task is named twice")
    if len(targets) > max_tasks:
        raise errors.RequestMalformed("query.tasks", f"{len(targets)} tasks, at most {max_tasks} go into a request")
    return targets


def _one(found: Answer) -> Response:
    return _response(Prediction.told(found), str(found.version), found.switch_s, found.queue_s, found.inference_s)


def _several(found: Sequence[Answer]) -> Response:
    """`Server-Timing` is of the slowest part."""
    versions = ", ".join(f"{answer.task}={answer.version}" for answer in found)
    slowest = [max(times) for times in zip(*((a.switch_s, a.queue_s, a.inference_s) for a in found), strict=True)]
    return _response(Predictions.told(found), versions, *slowest)


def _response(body: object, versions: str, switch_s: float, queue_s: float, inference_s: float) -> Response:
    """`X-Task-Version` is the version, or `task=version` of each."""
    timing = (
        f"switch;dur={milliseconds(switch_s)}, "
        f"queue;dur={milliseconds(queue_s)}, "
        f"inference;dur={milliseconds(inference_s)}"
    )
    headers = {"X-Task-Version": versions, "Server-Timing": timing}
    return Response(to_json(body, inf_nan_mode="null"), media_type="application/json", headers=headers)
