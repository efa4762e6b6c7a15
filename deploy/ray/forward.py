"""The ingress's app: predictions are passed on to replicas, and tried again where one goes away (knows no Ray).

Passing on again is safe because a prediction changes nothing: the same request may run twice, only one answer is given.
"""

import asyncio
from typing import Protocol

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from deploy.ray.errors import ReplicaGone, ReplicasFull, ReplicasLost
from deploy.ray.front_page import front_page
from deploy.ray.messages import Answer, Call
from deploy.ray.metrics import joined
from hosting.access.authorization import install_access
from hosting.access.endpoint import endpoint
from hosting.access.open_routes import HEALTHZ, METRICS, OPEN_ROUTES, READYZ
from hosting.access.pages.route_declarations import HOME
from hosting.access.route_table import RouteTable, route_match
from hosting.telemetry.request_id import HEADER, TRACE_HEADER, request_id
from hosting.web.problem import ProblemTable
from hosting.web.problems import answer, install_problem_handlers
from server.errors import DeadlineExceeded
from server.http.bodies import read_body
from server.http.open_inference import route_declarations as open_inference
from server.http.open_inference.requests import HEADER_LENGTH
from server.http.parameters import ManyTasksQuery, PredictionQuery, query
from server.http.problems import ALL_PROBLEMS
from server.http.route_declarations import PREDICT_MANY, ROUTES
from server.open_inference.parameters import MOST_TIMEOUT_US
from server.settings import ServerSettings

PROBLEMS: ProblemTable = {
    **ALL_PROBLEMS,
    ReplicasFull: (429, "overloaded"),
    ReplicasLost: (503, "replicas lost"),
}

ATTEMPTS_HEADER = b"x-attempts"  # in answers that took more than one

_OF_ANY_REPLICA = frozenset(  # beside predictions: every replica says the same
    {
        READYZ,
        *(open_inference.LIVE, open_inference.READY, open_inference.SERVER, open_inference.SERVER_SLASH),
        *(open_inference.METADATA, open_inference.METADATA_OF_VERSION, open_inference.MODELS),
        *(open_inference.MODEL_READY, open_inference.MODEL_READY_OF_VERSION),
        *(open_inference.CONFIG, open_inference.CONFIG_OF_VERSION),
    }
)
_IN_THE_BODY = frozenset({open_inference.INFER, open_inference.INFER_OF_VERSION})  # is how much time they have
_PASSED_ON = ("content-type", TRACE_HEADER)
_PASSED_ON_TO_INFER = (*_PASSED_ON, HEADER_LENGTH, "accept-encoding")

_SCRAPE_S = 9.0  # Prometheus itself waits for ten seconds
_GRACE_S = 1.0  # beyond a request's own timeout, so that a replica has time to say itself where the time went


class Replicas(Protocol):
    async def ask(self, call: Call) -> Answer:
        """Have one replica answer. Raises `ReplicaGone`, `ReplicasFull`, `NotReady` (server)."""

    async def metrics(self) -> dict[str, str]:
        """Replica -> its page, but for those that go away. Raises `NotReady` (server)."""


def _uncounted() -> None:
    """An ingress has no metrics of its own: a scrape meets any of them, and Ray counts their answers by status."""


def create_app(settings: ServerSettings, replicas: Replicas, *, attempts: int) -> FastAPI:
    """Predictions and `/readyz` of some replica, `/metrics` of all, `/healthz` and `/` of its own."""
    app = FastAPI(title="NetTailor server on Ray", openapi_url=None)

    @endpoint(app, HEALTHZ)
    async def healthz() -> dict[str, str]:
        """This process answers."""
        return {"status": "ok"}

    @endpoint(app, HOME, response_class=HTMLResponse)
    async def home() -> HTMLResponse:
        """What is here, and what is not."""
        return front_page()

    @endpoint(app, METRICS, response_class=Response)
    async def metrics() -> Response:
        try:
            async with asyncio.timeout(_SCRAPE_S):
                pages = await replicas.metrics()
        except TimeoutError:
            raise DeadlineExceeded("before every replica told its metrics") from None
        return Response(await asyncio.to_thread(joined, pages), media_type=CONTENT_TYPE_LATEST)

    app.add_middleware(Forward, replicas=replicas, settings=settings, attempts=attempts)
    install_access(app, settings, RouteTable(ROUTES, (HOME,), OPEN_ROUTES), rate_refused=_uncounted)
    install_problem_handlers(app, PROBLEMS)
    return app


class Forward:
    """Pure ASGI, within `RouteLookup`. What no replica answers goes on to `app`."""

    def __init__(self, app: ASGIApp, replicas: Replicas, settings: ServerSettings, attempts: int) -> None:
        self._app = app
        self._replicas = replicas
        self._settings = settings
        self._attempts = attempts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _is_forwarded(scope):
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            response = await self._forward(request)
        except Exception as failure:  # only what has a problem of its own; the rest is raised again
            response = answer(request, failure, PROBLEMS)
        await response(scope, receive, send)

    async def _forward(self, request: Request) -> Response:
        body = await read_body(request, self._settings.max_body_bytes)
        call = _call(request, body.data)
        try:
            async with asyncio.timeout(self._timeout_s(request) + _GRACE_S):
                answered, attempts = await self._ask(call)
        except TimeoutError:
            raise DeadlineExceeded("before a replica answered") from None
        response = Response(answered.body, status_code=answered.status)
        response.raw_headers = list(answered.headers)
        if attempts > 1:
            response.raw_headers.append((ATTEMPTS_HEADER, str(attempts).encode()))
        return response

    async def _ask(self, call: Call) -> tuple[Answer, int]:
        """The answer, and how many attempts it took."""
        for attempt in range(1, self._attempts + 1):
            try:
                return await self._replicas.ask(call), attempt
            except ReplicaGone:
                continue
        raise ReplicasLost(self._attempts)

    def _timeout_s(self, request: Request) -> float:
        route = route_match(request.scope).route
        if route in _IN_THE_BODY:
            return MOST_TIMEOUT_US / 1_000_000
        try:
            asked = query(request, ManyTasksQuery if route is PREDICT_MANY else PredictionQuery).timeout_ms
        except RequestValidationError:
            asked = None  # the replica says what is wrong with the query, as a server by itself would
        return (asked or self._settings.request_timeout_ms) / 1000


def _is_forwarded(scope: Scope) -> bool:
    match = route_match(scope)
    return match.is_prediction or (match.route in _OF_ANY_REPLICA and scope["method"] == "GET")


def _call(request: Request, body: bytes) -> Call:
    """With those headers alone that a server reads: no secret leaves the ingress."""
    headers = {HEADER: request_id.get() or ""}
    match = route_match(request.scope)
    for name in _PASSED_ON_TO_INFER if match.route in _IN_THE_BODY else _PASSED_ON:
        if name in request.headers:
            headers[name] = request.headers[name]
    return Call(
        tasks=match.tasks,
        method=request.method,
        path=request.scope["path"],
        query=request.scope["query_string"],
        headers=tuple((name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()),
        body=body,
    )
