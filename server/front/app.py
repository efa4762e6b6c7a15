"""The HTTP app of a front: predictions here, all else passed on (torch-free)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from hosting.access.authorization import install_access
from hosting.access.open_routes import OPEN_ROUTES
from hosting.access.rates.rate_limit import TokenBuckets
from hosting.access.route_table import MATCH, RouteTable
from hosting.web.problems import install_problem_handlers
from server.front.front import Front
from server.front.passing import Passing
from server.front.places import Places
from server.http.fast_path import FastPath
from server.http.problems import ALL_PROBLEMS
from server.http.route_declarations import ROUTES
from server.link.front_end import FrontEnd


def create_app(front: Front, front_end: FrontEnd, places: Places, buckets: TokenBuckets | None) -> ASGIApp:
    """The app connects the front while it runs. Raises `KeysInvalid`, `AuditLogUnusable`."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        connecting = asyncio.create_task(front_end.keep_connected())
        try:
            yield
        finally:
            connecting.cancel()
            await asyncio.gather(connecting, return_exceptions=True)
            front.close()

    table = RouteTable(ROUTES, OPEN_ROUTES)
    app = FastAPI(title="NetTailor front", openapi_url=None, lifespan=lifespan)
    app.add_middleware(FastPath, server=front)
    install_access(app, front.settings, table, rate_refused=front.metrics.rate_refused, buckets=buckets)
    install_problem_handlers(app, ALL_PROBLEMS)
    return Split(predictions=app, others=Passing(front, front_end, places), table=table)


class Split:
    """Sends each request where it is answered. What is passed on goes as it came: access to it is asked for there."""

    def __init__(self, *, predictions: ASGIApp, others: ASGIApp, table: RouteTable) -> None:
        self._predictions = predictions
        self._others = others
        self._table = table

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._predictions
        if scope["type"] == "http":
            match = self._table.find(scope["method"], scope["path"], scope["query_string"])
            scope[MATCH] = match
            app = app if match.is_prediction else self._others
        await app(scope, receive, send)
