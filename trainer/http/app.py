"""The trainer as an HTTP app of its own; `nettailor up` mounts the same router beside the others."""

from fastapi import FastAPI, Response
from prometheus_client import CollectorRegistry

from hosting.access.authorization import install_access
from hosting.access.documentation import add_documentation
from hosting.access.endpoint import endpoint
from hosting.access.open_routes import HEALTHZ, METRICS, OPEN_ROUTES, READYZ
from hosting.access.rate_limit import refusals
from hosting.access.route_table import RouteTable
from hosting.web.metrics_page import MetricsPage
from hosting.web.openapi import TEXT, answered
from hosting.web.problems import install_problem_handlers
from registry.http.problems import PROBLEMS as REGISTRY_PROBLEMS
from registry.metrics import QuarantineCollector
from trainer.http.route_declarations import ROUTES
from trainer.http.routes import router
from trainer.problems import PROBLEMS
from trainer.service import Service


def create_app(service: Service) -> FastAPI:
    """Datasets, jobs, health and metrics. The service is started and stopped by the caller."""
    app = FastAPI(title="NetTailor trainer", docs_url=None, redoc_url=None)
    metrics = CollectorRegistry()
    install_access(
        app,
        service.settings,
        RouteTable(ROUTES, OPEN_ROUTES),
        rate_refused=refusals(metrics),
        task_of_job=service.task_of_job,
        problems=PROBLEMS,
    )
    install_problem_handlers(app, {**REGISTRY_PROBLEMS, **PROBLEMS})
    app.include_router(router(service))
    add_documentation(app)
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
