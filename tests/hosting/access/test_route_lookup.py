"""A request is looked up once, for all that stands within the lookup."""

from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI, Request

from hosting.access.audit import AuditTrail
from hosting.access.authorization import Authorization, RouteLookup, install_access
from hosting.access.bodies import BoundedBodies
from hosting.access.cross_origin import Cors, CrossOriginProtection
from hosting.access.endpoint import endpoint
from hosting.access.key_file import add_key
from hosting.access.keys import new_key
from hosting.access.rates.rate_limit import RateLimit
from hosting.access.route_table import Route, RouteMatch, RouteTable, route_match
from hosting.settings.settings import Settings
from hosting.telemetry.request_id import RequestIdMiddleware
from hosting.web.problems import install_problem_handlers
from tests.hosting.access.tables import middleware
from tests.serving import served

READ_VERSION = Route(method="GET", path="/tasks/{task}/versions/{version}", scope="read")


class CountingTable(RouteTable):
    looked_up = 0

    def find(self, method: str, path: str, query: bytes = b"") -> RouteMatch:
        self.looked_up += 1
        return super().find(method, path, query)


@pytest.fixture
def table() -> CountingTable:
    return CountingTable([READ_VERSION])


@pytest.fixture
def secret(tmp_path: Path) -> str:
    key, secret = new_key("ann", ["read"], ["signs"])
    add_key(tmp_path / "keys.json", key)
    return secret


@pytest.fixture
def app(table: CountingTable, secret: str, tmp_path: Path) -> FastAPI:
    """All that the settings can ask for."""
    app = FastAPI()
    settings = Settings(
        keys_file=tmp_path / "keys.json", audit_log=tmp_path / "audit.jsonl", rate_limit_per_second=100, rate_burst=100
    )
    install_access(app, settings, table, rate_refused=lambda: None)
    install_problem_handlers(app, {})

    @endpoint(app, READ_VERSION)
    def read(request: Request) -> dict[str, object]:
        match = route_match(request.scope)
        return {"path": match.route and match.route.path, "tasks": match.tasks, "version": match.version}

    return app


def test_a_request_is_looked_up_once(app: FastAPI, table: CountingTable, secret: str) -> None:
    headers = {"Authorization": f"Bearer {secret}"}
    with served(app) as url, httpx.Client(base_url=url, trust_env=False) as http:
        answer = http.get("/tasks/signs@live/versions/3", headers=headers)
        assert answer.json() == {"path": READ_VERSION.path, "tasks": ["signs"], "version": 3}
        assert table.looked_up == 1
        assert http.get("/tasks/flowers/versions/3", headers=headers).status_code == 403
        assert table.looked_up == 2


def test_another_method_is_told_all_that_the_path_has() -> None:
    app = FastAPI()
    routes = [Route(method=method, path="/tasks/{task}", scope="read") for method in ("GET", "DELETE", "PUT")]
    install_access(app, Settings(), RouteTable(routes), rate_refused=lambda: None)
    install_problem_handlers(app, {})
    for route in routes:
        endpoint(app, route, operation_id=route.method)(lambda: None)
    with served(app) as url, httpx.Client(base_url=url, trust_env=False) as http:
        answers = [http.request(method, "/tasks/signs") for method in ("POST", "OPTIONS", "TRACE")]
        told = {(answer.status_code, answer.headers["allow"]) for answer in answers}
        assert told == {(405, "DELETE, GET, HEAD, PUT")}
        assert "allow" not in http.post("/nowhere").headers


def test_without_keys_other_sites_are_refused_in_their_place_and_preflights_come_before_all(tmp_path: Path) -> None:
    app = FastAPI()
    settings = Settings(audit_log=tmp_path / "audit.jsonl", allowed_origins=frozenset({"https://app.example"}))
    install_access(app, settings, RouteTable([READ_VERSION]), rate_refused=lambda: None)
    install_problem_handlers(app, {})
    order = [RequestIdMiddleware, Cors, RouteLookup, AuditTrail, CrossOriginProtection, BoundedBodies]
    assert middleware(app) == order


def test_refusals_are_audited_and_what_is_refused_for_its_key_counts_for_no_rate(app: FastAPI) -> None:
    assert middleware(app) == [RequestIdMiddleware, RouteLookup, AuditTrail, Authorization, RateLimit, BoundedBodies]
