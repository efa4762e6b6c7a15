"""The server as an HTTP app of its own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool

from hosting.access.authorization import install_access
from hosting.access.open_routes import OPEN_ROUTES
from hosting.access.pages.documentation import add_documentation
from hosting.access.pages.home import add_home
from hosting.access.pages.link_routes import add_links
from hosting.access.pages.links import Links
from hosting.access.pages.route_declarations import ROUTES as PAGE_ROUTES
from hosting.access.rates.rate_limit import TokenBuckets
from hosting.access.route_table import RouteTable
from hosting.web.problems import install_problem_handlers
from registry.http.home_tables import task_table
from registry.http.route_declarations import ROUTES as REGISTRY_ROUTES
from registry.registry import Registry
from server.grpc.lifespan import install_grpc, serving_grpc
from server.http.fast_path import FastPath
from server.http.problems import ALL_PROBLEMS
from server.http.route_declarations import ROUTES
from server.service import Service
from server.settings import ServerSettings


def create_app(
    settings: ServerSettings,
    registry: Registry,
    *,
    service: Service | None = None,
    buckets: TokenBuckets | None = None,
) -> FastAPI:
    """The app starts and stops its service with itself; `service` replaces the one built from the settings, and may
    have been started. `buckets` are those of rate limits that fronts count in, too.

    Raises `KeysInvalid`, `AuditLogUnusable`, `SettingsInvalid`.
    """
    service = service or Service(settings, registry)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        if service.state == "starting":
            await run_in_threadpool(service.start)
        try:
            async with serving_grpc(app, service):
                yield
        finally:
            await run_in_threadpool(service.stop)

    app = FastAPI(title="NetTailor server", lifespan=lifespan, docs_url=None, redoc_url=None)
    app.add_middleware(FastPath, server=service)
    install_grpc(app, service)
    links = Links(registry.link_secret)
    install_access(
        app,
        settings,
        RouteTable(ROUTES, PAGE_ROUTES, OPEN_ROUTES),
        rate_refused=service.metrics.rate_refused,
        links=links,
        problems=ALL_PROBLEMS,
        buckets=buckets,
    )
    install_problem_handlers(app, ALL_PROBLEMS)
    app.include_router(service.router)
    add_documentation(app)
    add_links(app, RouteTable(REGISTRY_ROUTES, PAGE_ROUTES), links)
    add_home(app, [task_table(registry)], links, locked=settings.keys_file is not None)
    return app
