"""The trainer as an HTTP app of its own; `nettailor up` mounts the same router beside the others."""

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
from hosting.web.metrics_page import MetricsPage
from hosting.web.openapi import TEXT, answered
from hosting.web.problems import install_problem_handlers
from registry.http.home_tables import task_table
from registry.http.problems import PROBLEMS as REGISTRY_PROBLEMS
from registry.http.route_declarations import ROUTES as REGISTRY_ROUTES
from registry.metrics import QuarantineCollector
from trainer.http.home_tables import job_table
from trainer.http.route_declarations import ROUTES
from trainer.http.routes import router
from trainer.problems import PROBLEMS
from trainer.service import Service


def create_app(service: Service) -> FastAPI:
    """Datasets, jobs, health and metrics. The service is started and stopped by the caller."""
    app = FastAPI(title="NetTailor trainer", docs_url=None, redoc_url=None)
    metrics = CollectorRegistry()
    links = Links(service.registry.link_secret)
    install_access(
        app,
        service.settings,
        RouteTable(ROUTES, PAGE_ROUTES, OPEN_ROUTES),
        rate_refused=refusals(metrics),
        task_of_job=service.task_of_job,
        links=links,
        problems={**REGISTRY_PROBLEMS, **PROBLEMS},
    )
    install_problem_handlers(app, {**REGISTRY_PROBLEMS, **PROBLEMS})
    app.include_router(router(service))
    add_documentation(app)
    add_links(app, RouteTable(ROUTES, REGISTRY_ROUTES, PAGE_ROUTES), links)
    sections = [task_table(service.registry), job_table(service.jobs.store)]
    add_home(app, sections, links, locked=service.settings.keys_file is not None)
    metrics.register(service.collector)
    metrics.register(QuarantineCollector(service.blobs))

    @endpoint(app, HEALTHZ, tags=["health"])
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @endpoint(app, READYZ, tags=["health"])
    def readyz() -> dict[str, str]:
        service.jobs.store.counts()
        service.settings.disk_reserve.check_alarm()
        return {"status": "ok"}

    page = MetricsPage(metrics)

    @endpoint(app, METRICS, tags=["health"], response_class=Response, responses=answered("text/plain", TEXT))
    async def read_metrics() -> Response:
        return await page.answer()

    return app
