"""What web pages may do with a service, on the registry's own app, asked as browsers ask."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from hosting.access.cross_origin import is_same_origin
from hosting.access.key_file import add_key
from hosting.access.keys import new_key
from hosting.settings.settings import Settings
from registry.http.app import create_app
from registry.registry import Registry
from tests.bundles import tiny_bytes
from tests.serving import served

APP = "https://app.example"


@contextmanager
def app_with(registry: Registry, **settings: object) -> Iterator[httpx.Client]:
    app = create_app(registry, Settings(**settings))
    with served(app) as url, httpx.Client(base_url=url, trust_env=False) as http:
        yield http


def delete(http: httpx.Client, **headers: str) -> httpx.Response:
    """Ask for what a page must not be able to do."""
    return http.delete("/tasks/signs", headers={name.replace("_", "-"): value for name, value in headers.items()})


@pytest.fixture
def http(registry: Registry) -> Iterator[httpx.Client]:
    registry.publish("signs", tiny_bytes(), actor="me")
    with app_with(registry) as http:
        yield http


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://site.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "http://localhost:3000", "Sec_Fetch_Site": "same-site"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Origin": "http://[", "Sec_Fetch_Site": "none"},
        {"Origin": "http://127.0.0.1:port"},
    ],
)
def test_pages_of_other_sites_change_nothing(http: httpx.Client, registry: Registry, headers: dict[str, str]) -> None:
    refused = delete(http, **headers)
    assert (refused.status_code, refused.headers["content-type"]) == (403, "application/problem+json")
    assert refused.json()["type"] == "urn:nettailor:problem:origin-not-allowed"
    assert "NETTAILOR_ALLOWED_ORIGINS" in refused.json()["detail"]
    assert [task.task for task in registry.tasks()] == ["signs"]
    assert http.get("/tasks", headers={"Origin": "https://site.example", "Sec-Fetch-Site": "cross-site"}).is_success
    assert "access-control-allow-origin" not in http.get("/tasks", headers={"Origin": APP}).headers


def test_programs_and_its_own_pages_do_as_before(http: httpx.Client, registry: Registry) -> None:
    own = f"http://{http.base_url.netloc.decode()}"
    assert delete(http).is_success
    for headers in ({"Origin": own, "Sec_Fetch_Site": "same-origin"}, {"Sec_Fetch_Site": "none"}):
        registry.publish("signs", tiny_bytes(), actor="me")
        assert delete(http, **headers).is_success, headers


def test_a_name_of_another_site_is_not_answered(http: httpx.Client) -> None:
    """However the browser was led here, and whatever it asks."""
    for method in ("GET", "POST", "DELETE", "OPTIONS"):
        refused = http.request(method, "/tasks/signs", headers={"Host": "site.example:8000"})
        assert (refused.status_code, refused.json()["title"]) == (421, "host not allowed")
        assert "NETTAILOR_ALLOWED_HOSTS" in refused.json()["detail"]
    assert http.get("/metrics", headers={"Host": "site.example"}).status_code == 421
    for probe in ("/healthz", "/readyz"):
        assert http.get(probe, headers={"Host": "10.1.2.3:8000"}).json() == {"status": "ok"}


def test_hosts_can_be_added(registry: Registry) -> None:
    with app_with(registry, allowed_hosts=frozenset({"nas.local"})) as http:
        assert http.get("/tasks", headers={"Host": "nas.local:8000"}).is_success
        assert http.get("/tasks", headers={"Host": "other.local:8000"}).status_code == 421


def test_an_origin_that_is_let_in_asks_reads_and_changes(registry: Registry) -> None:
    registry.publish("signs", tiny_bytes(), actor="me")
    with app_with(registry, allowed_origins=frozenset({APP})) as http:
        preflight = preflight_of(http, "DELETE")
        assert preflight.status_code == 200
        assert preflight.headers["access-control-allow-origin"] == APP
        assert "DELETE" in preflight.headers["access-control-allow-methods"]
        listed = http.get("/tasks", headers={"Origin": APP, "Sec-Fetch-Site": "cross-site"})
        assert listed.headers["access-control-allow-origin"] == APP
        assert {"X-Task-Version", "X-Request-Id", "Retry-After"} <= set(
            listed.headers["access-control-expose-headers"].split(", ")
        )
        assert delete(http, Origin="https://site.example").status_code == 403
        assert preflight_of(http, "DELETE", origin="https://site.example").status_code == 400
        assert delete(http, Origin=APP, Sec_Fetch_Site="cross-site").is_success


def test_preflights_need_no_key_and_all_else_does(registry: Registry, tmp_path: Path) -> None:
    key, secret = new_key("app", ["read"])
    add_key(tmp_path / "keys.json", key)
    with app_with(registry, keys_file=tmp_path / "keys.json", allowed_origins=frozenset({APP})) as http:
        preflight = preflight_of(http, "GET", asked="authorization")
        assert (preflight.status_code, preflight.headers["access-control-allow-headers"]) == (200, "authorization")
        refused = http.get("/tasks", headers={"Origin": APP})
        assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (401, APP)
        assert http.get("/tasks", headers={"Origin": APP, "Authorization": f"Bearer {secret}"}).is_success
        named = {"Host": "site.example", "Authorization": f"Bearer {secret}"}
        assert http.get("/tasks", headers=named).is_success  # whoever holds a key may call it what they like


def test_every_header_that_the_api_describes_can_be_read(registry: Registry) -> None:
    with app_with(registry, allowed_origins=frozenset({APP})) as http:
        answer = http.get("/openapi.json", headers={"Origin": APP})
        exposed = {name.strip() for name in answer.headers["access-control-expose-headers"].split(",")}
        assert exposed >= answer.json()["components"]["headers"].keys()
        assert "Origin" in answer.headers["vary"]
        asked = "authorization, content-type, idempotency-key, last-event-id, x-actor, if-none-match"
        assert preflight_of(http, "POST", asked=asked).headers["access-control-allow-headers"] == asked


@pytest.mark.parametrize("origins", [{APP}, {"*"}, {APP, "*"}])
def test_cookies_are_never_let_in(registry: Registry, origins: set[str]) -> None:
    """With `*`, a browser would have to be told the very origin to send some."""
    with app_with(registry, allowed_origins=frozenset(origins)) as http:
        answers = [preflight_of(http, "DELETE"), http.get("/tasks", headers={"Origin": APP, "Cookie": "a=b"})]
        for answer in answers:
            assert answer.headers["access-control-allow-origin"] == ("*" if "*" in origins else APP)
            assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize(("method", "origin"), [("DELETE", "https://site.example"), ("TRACE", APP)])
def test_a_refused_preflight_is_a_problem_document(registry: Registry, method: str, origin: str) -> None:
    with app_with(registry, allowed_origins=frozenset({APP})) as http:
        refused = preflight_of(http, method, origin=origin)
        assert (refused.status_code, refused.headers["content-type"]) == (400, "application/problem+json")
        assert refused.json()["title"] == "preflight refused"
        assert refused.headers["x-request-id"]
        assert "NETTAILOR_ALLOWED_ORIGINS" in refused.json()["detail"]


def test_without_the_setting_nothing_is_let_in(registry: Registry) -> None:
    with app_with(registry) as http:
        answers = [preflight_of(http, "GET"), http.get("/tasks", headers={"Origin": APP})]
        assert not [name for answer in answers for name in answer.headers if name.startswith("access-control-")]


def preflight_of(http: httpx.Client, method: str, *, origin: str = APP, asked: str = "x-actor") -> httpx.Response:
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": asked,
        "Sec-Fetch-Site": "cross-site",
    }
    return http.options("/tasks/signs", headers=headers)


@pytest.mark.parametrize(
    ("origin", "host", "same"),
    [
        ("http://nas:8000", "nas:8000", True),
        ("http://NAS:8000", "nas:8000", True),
        ("http://nas", "nas", True),
        ("http://nas", "nas:80", True),
        ("https://nas", "nas:443", True),
        ("https://nas", "nas", True),  # TLS ends before us
        ("http://[::1]:8000", "[::1]:8000", True),
        ("http://nas:8000", "nas", False),
        ("http://nas.example:8000", "nas:8000", False),
        ("null", "", False),
        ("null", "null", False),
        ("", "", False),
    ],
)
def test_same_origin(origin: str, host: str, same: bool) -> None:
    assert is_same_origin(origin, host) == same


def test_a_host_that_was_let_in_is_let_in_again_and_lets_nobody_else_in(http: httpx.Client) -> None:
    port = http.base_url.port
    for _ in range(2):
        assert http.get("/tasks", headers={"Host": f"localhost:{port}"}).is_success
        assert http.get("/healthz", headers={"Host": "probed.example"}).is_success  # any name will do for probes
        assert http.get("/tasks", headers={"Host": "probed.example"}).status_code == 421
        assert delete(http, Host=f"localhost:{port}", Origin="https://site.example").status_code == 403
        assert delete(http, Host=f"localhost:{port}", Sec_Fetch_Site="cross-site").status_code == 403
