"""The registry as an HTTP app of its own."""

from fastapi import FastAPI, Response
from prometheus_client import CollectorRegistry

from hosting.access.authorization import install_access
from hosting.access.endpoint import endpoint
from hosting.access.open_routes import HEALTHZ, METRICS, OPEN_ROUTES, READYZ
from hosting.access.pages.documentation import add_documentation
from hosting.access.pages.home import add_home
from hosting.access.pages.link_routes import add_links
from hosting.access.pages.links import Links
from hosting.access.pages.route_declarations import ROUTES as PAGE_ROUTES
from hosting.access.rates.rate_limit import refusals
from hosting.access.route_table import RouteTable
from hosting.disk.reserve import NO_RESERVE
from hosting.settings.settings import Settings
from hosting.web.metrics_page import MetricsPage
from hosting.web.openapi import TEXT, answered
from hosting.web.problems import install_problem_handlers
from registry.http.home_tables import task_table
from registry.http.problems import PROBLEMS
from registry.http.route_declarations import ROUTES
from registry.http.routes import router
from registry.metrics import OperationMetrics, QuarantineCollector
from registry.registry import Registry


def create_app(registry: Registry, settings: Settings | None = None) -> FastAPI:
    """The registry's own app. `registry.__main__` builds the registry and runs this; keys come from the settings."""
    app = FastAPI(title="NetTailor registry", docs_url=None, redoc_url=None)
    metrics = CollectorRegistry()
    links = Links(registry.link_secret)
    if settings is not None:
        install_access(
            app,
            settings,
            RouteTable(ROUTES, PAGE_ROUTES, OPEN_ROUTES),
            rate_refused=refusals(metrics),
            links=links,
            problems=PROBLEMS,
        )
    install_problem_handlers(app, PROBLEMS)
    reserve = NO_RESERVE if settings is None else settings.disk_reserve
    app.include_router(router(registry, reserve=reserve))
    add_documentation(app)
    add_links(app, RouteTable(ROUTES, PAGE_ROUTES), links)
    locked = settings is not None and settings.keys_file is not None
    add_home(app, [task_table(registry)], links, locked=locked)
    metrics.register(QuarantineCollector(registry.blobs))
    registry.observe = OperationMetrics(metrics).observe

    @endpoint(app, HEALTHZ, tags=["health"])
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @endpoint(app, READYZ, tags=["health"])
    def readyz() -> dict[str, str]:
        registry.tasks()
        reserve.check_alarm()
        return {"status": "ok"}

    page = MetricsPage(metrics)

    @endpoint(app, METRICS, tags=["health"], response_class=Response, responses=answered("text/plain", TEXT))
    async def read_metrics() -> Response:
        return await page.answer()

    return app
