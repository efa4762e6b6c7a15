"""The one HTTP app of `nettailor up`: the routes of registry, trainer and server over the same parts."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from importlib.metadata import version

from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from hosting.access.authorization import install_access
from hosting.access.open_routes import OPEN_ROUTES
from hosting.access.pages.documentation import add_documentation
from hosting.access.pages.home import add_home
from hosting.access.pages.link_routes import add_links
from hosting.access.pages.links import Links
from hosting.access.pages.route_declarations import ROUTES as PAGE_ROUTES
from hosting.access.rates.rate_limit import TokenBuckets
from hosting.access.route_table import RouteTable
from hosting.disk.reserve import DiskReserve
from hosting.redis_server.presence import absence
from hosting.web.problems import install_problem_handlers
from registry.http.home_tables import task_table
from registry.http.problems import PROBLEMS as REGISTRY_PROBLEMS
from registry.http.route_declarations import ROUTES as REGISTRY_ROUTES
from registry.http.routes import router as registry_router
from registry.wiring import serving_registry
from server.grpc.lifespan import install_grpc, serving_grpc
from server.http.fast_path import FastPath
from server.http.problems import PROBLEMS as SERVER_PROBLEMS
from server.http.route_declarations import ROUTES as SERVER_ROUTES
from server.service import Service as Server
from server.settings import ServerSettings
from trainer.http.home_tables import job_table
from trainer.http.route_declarations import ROUTES as TRAINER_ROUTES
from trainer.http.routes import router as trainer_router
from trainer.problems import PROBLEMS as TRAINER_PROBLEMS
from trainer.service import Service as Trainer
from trainer.settings import Settings as TrainerSettings


@contextmanager
def serving(
    server_settings: ServerSettings,
    trainer_settings: TrainerSettings,
    redis_url: str,
    *,
    buckets: TokenBuckets | None = None,
) -> Iterator[tuple[FastAPI, Server]]:
    """The app, ready to answer, and the server within it. `buckets` are those of rate limits that fronts count in, too.

    Raises `NetTailorError`, `HostingError`, `RegistryError`, `TrainerError`.
    """
    metrics = CollectorRegistry()
    with (
        serving_registry(server_settings, redis_url) as registry,
        Trainer(trainer_settings, redis_url) as trainer,
    ):
        metrics.register(trainer.collector)
        missing = partial(_missing, redis_url, server_settings.disk_reserve)
        server = Server(server_settings, registry, collectors=metrics, missing=missing)

        @asynccontextmanager
        async def lifespan(app: FastAPI) -> AsyncIterator[None]:
            async with serving_grpc(app, server):
                yield

        app = FastAPI(
            title="NetTailor Server",
            version=version("nettailor-server"),
            description="Many image-recognition tasks from one shared, frozen ResNet.",
            docs_url=None,
            redoc_url=None,
            lifespan=lifespan,
        )
        links = Links(registry.link_secret)
        app.add_middleware(FastPath, server=server)
        install_grpc(app, server)
        install_access(
            app,
            server_settings,
            RouteTable(SERVER_ROUTES, TRAINER_ROUTES, REGISTRY_ROUTES, PAGE_ROUTES, OPEN_ROUTES),
            rate_refused=server.metrics.rate_refused,
            task_of_job=trainer.task_of_job,
            links=links,
            problems={**REGISTRY_PROBLEMS, **TRAINER_PROBLEMS},
            buckets=buckets,
        )
        install_problem_handlers(app, {**REGISTRY_PROBLEMS, **TRAINER_PROBLEMS, **SERVER_PROBLEMS})
        registry_routes = registry_router(
            registry, task_deleted=trainer.cancel_jobs_of, reserve=server_settings.disk_reserve
        )
        for router in (server.router, trainer_router(trainer), registry_routes):
            app.include_router(router)
        add_documentation(app)
        add_links(app, RouteTable(TRAINER_ROUTES, REGISTRY_ROUTES, PAGE_ROUTES), links)
        sections = [task_table(registry), job_table(trainer.jobs.store)]
        add_home(app, sections, links, locked=server_settings.keys_file is not None, is_whole=True)
        server.start()
        try:
            yield app, server
        finally:
            server.stop()


async def _missing(redis_url: str, reserve: DiskReserve) -> str | None:
    """What registry and trainer need and do not have; predictions of tasks that are loaded go on without. Raises
    `ReserveNearlyGone`."""
    if (fault := await absence(redis_url)) is not None:
        return f"without Redis, which registry and jobs need ({fault})"
    reserve.check_alarm()
    return None
