"""Keys and the audit log, on the registry's own app."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from hosting.access.authorization import install_access
from hosting.access.key_file import add_key
from hosting.access.keys import Scope, new_key
from hosting.access.open_routes import OPEN_ROUTES
from hosting.access.route_table import RouteTable
from hosting.errors import AuditLogUnusable, KeysInvalid
from hosting.settings.settings import Settings
from hosting.web.problems import install_problem_handlers
from nettailor_client import Client
from nettailor_client.errors import RequestRefused
from registry.http.app import create_app
from registry.http.route_declarations import ROUTES as REGISTRY_ROUTES
from registry.registry import Registry
from server.http.route_declarations import ROUTES as SERVER_ROUTES
from tests.bundles import tiny_bytes
from tests.serving import served
from tests.waiting import until

MakeKey = Callable[..., str]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = Settings(keys_file=tmp_path / "keys.json", audit_log=tmp_path / "audit.jsonl")
    assert settings.keys_file
    add_key(settings.keys_file, new_key("nobody", ["read"])[0])
    return settings


@pytest.fixture
def make_key(settings: Settings) -> MakeKey:
    """By name, scopes and tasks; works on a running service."""

    def make(name: str, *scopes: Scope, tasks: tuple[str, ...] = ()) -> str:
        assert settings.keys_file
        key, secret = new_key(name, scopes, tasks)
        add_key(settings.keys_file, key)
        return secret

    return make


@pytest.fixture
def url(registry: Registry, settings: Settings) -> Iterator[str]:
    with served(create_app(registry, settings)) as url:
        yield url


@pytest.fixture
def predicting(settings: Settings) -> Iterator[str]:
    """The URL of an app that knows the routes of predictions, though it answers none."""
    app = FastAPI()
    install_access(app, settings, RouteTable(SERVER_ROUTES), rate_refused=lambda: None)
    install_problem_handlers(app, {})
    with served(app) as url:
        yield url


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def lines(settings: Settings, count: int) -> list[dict[str, object]]:
    """Once there are so many: a line is written when the answer is already on its way."""
    path = settings.audit_log
    assert path
    until(lambda: path.exists() and path.read_text().count("\n") >= count)
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_without_a_key_nothing_but_health_and_documentation_answers(http: httpx.Client) -> None:
    answer = http.get("/tasks", headers={"X-Request-Id": "abc"})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Bearer realm="nettailor"'
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-request-id"] == answer.json()["request_id"] == "abc"
    assert answer.json()["type"] == "urn:nettailor:problem:key-missing"
    unknown = http.get("/tasks", headers=bearer("ntk_guessed"))
    assert (unknown.status_code, unknown.json()["title"]) == (401, "unknown key")
    assert 'error="invalid_token"' in unknown.headers["www-authenticate"]
    for route in OPEN_ROUTES:
        assert http.get(route.path).status_code == 200, route.path
    assert http.post("/nowhere").status_code == 401


def test_a_scope_is_good_for_its_own_routes_only(http: httpx.Client, make_key: MakeKey, registry: Registry) -> None:
    data = tiny_bytes()
    registry.publish("signs", data, actor="me")
    ask: dict[Scope, Callable[[str], httpx.Response]] = {
        "read": lambda secret: http.get("/tasks/signs", headers=bearer(secret)),
        "publish": lambda secret: http.post("/tasks/signs/versions", content=data, headers=bearer(secret)),
        "promote": lambda secret: http.put("/tasks/signs/aliases/live", json={"version": 1}, headers=bearer(secret)),
        "admin": lambda secret: http.delete("/tasks/signs/versions/9", headers=bearer(secret)),
    }
    for held in ask:
        secret = make_key(f"only-{held}", held)
        for needed, request in ask.items():
            answer = request(secret)
            if needed == held:
                assert answer.status_code in (200, 201, 404), (held, needed)
            else:
                assert (answer.status_code, answer.json()["scope"]) == (403, needed)
                assert 'error="insufficient_scope"' in answer.headers["www-authenticate"]


def test_a_key_for_predictions_opens_nothing_else(http: httpx.Client, make_key: MakeKey, registry: Registry) -> None:
    registry.publish("signs", tiny_bytes(), actor="me")
    camera = bearer(make_key("camera", "predict"))
    names = {"task": "signs", "version": 1, "alias": "live", "name": "report.html", "backbone": "ours"}
    for route in REGISTRY_ROUTES:
        path = route.path.replace(":path", "").format(**names)
        answer = http.request(route.method, path, headers=camera)
        assert (answer.status_code, answer.json()["scope"]) == (403, route.scope), path
    for route in OPEN_ROUTES:
        assert http.get(route.path, headers=camera).status_code == 200, route.path


def test_force_takes_a_key_that_may_set_policies(http: httpx.Client, make_key: MakeKey, registry: Registry) -> None:
    registry.publish("signs", tiny_bytes(), actor="me")
    forced = {"version": 1, "force": True, "reason": "now"}
    promoter, both = make_key("promoter", "promote"), make_key("both", "promote", "admin")
    refused = http.put("/tasks/signs/aliases/live", json=forced, headers=bearer(promoter))
    assert (refused.status_code, refused.json()["scope"]) == (403, "admin")
    assert 'error="insufficient_scope"' in refused.headers["www-authenticate"]
    assert registry.task("signs").aliases == {}
    assert http.put("/tasks/signs/aliases/live", json=forced, headers=bearer(both)).status_code == 200
    plain = http.put("/tasks/signs/aliases/live", json={"version": 1}, headers=bearer(promoter))
    assert plain.status_code == 200


def test_what_an_app_does_not_have_needs_admin(http: httpx.Client, make_key: MakeKey) -> None:
    everything_else = bearer(make_key("busy", "read", "publish", "promote"))
    answer = http.post("/tasks/signs/predict", headers=everything_else)
    assert (answer.status_code, answer.json()["scope"]) == (403, "admin")
    assert http.post("/tasks/signs/predict", headers=bearer(make_key("root", "admin"))).status_code == 404
    assert http.get("/tasks/signs/predict", headers=everything_else).status_code == 404


def test_a_key_may_be_limited_to_tasks(http: httpx.Client, make_key: MakeKey, registry: Registry) -> None:
    registry.publish("signs", tiny_bytes(), actor="me")
    limited = bearer(make_key("limited", "read", "admin", tasks=("signs", "letters")))
    assert http.get("/tasks/signs/history", headers=limited).status_code == 200
    assert http.get("/tasks/letters", headers=limited).status_code == 404
    other = http.delete("/tasks/flowers", headers=limited)
    assert (other.status_code, other.json()["task"], other.json()["title"]) == (403, "flowers", "key of other tasks")
    of_all = http.get("/tasks", headers=limited)
    assert (of_all.status_code, of_all.json()["task"]) == (403, None)
    assert http.get("/jobs/abc", headers=limited).status_code == 403  # nobody here knows whose that is
    sneaked = http.delete("/tasks/letters%2F..%2Fflowers", headers=limited)
    assert sneaked.status_code == 404


def test_the_actor_is_the_key_whatever_is_claimed(url: str, make_key: MakeKey, settings: Settings) -> None:
    with Client(url, actor="someone else", key=make_key("ann", "publish", "read")) as client:
        assert client.publish("signs", tiny_bytes()).actor == "ann"
        assert [entry.actor for entry in client.history("signs")] == ["ann"]
        with pytest.raises(RequestRefused, match="'promote'") as caught:
            client.promote("signs", "live", 1)
    assert caught.value.status == 403


def test_a_key_taken_out_is_refused_at_once(http: httpx.Client, make_key: MakeKey, settings: Settings) -> None:
    assert settings.keys_file
    before = settings.keys_file.read_bytes()
    secret = make_key("ann", "read")
    assert http.get("/tasks", headers=bearer(secret)).status_code == 200
    settings.keys_file.write_bytes(before)
    assert http.get("/tasks", headers=bearer(secret)).status_code == 401


def test_the_audit_log_has_a_line_a_request(http: httpx.Client, make_key: MakeKey, settings: Settings) -> None:
    headers = bearer(make_key("ann", "publish")) | {"X-Request-Id": "one", "X-Actor": "someone else"}
    http.post("/tasks/signs/versions", content=tiny_bytes(), headers=headers)
    http.delete("/tasks/signs", headers=headers)
    http.get("/tasks", headers={"X-Actor": "someone else"})
    http.get("/healthz")
    http.get("/tasks/last", headers=headers)
    found = lines(settings, 4)
    assert [tuple(line.values())[1:] for line in found[:2]] == [
        ("one", "ann", "POST", "/tasks/signs/versions", "signs", 201),
        ("one", "ann", "DELETE", "/tasks/signs", "signs", 403),
    ]
    assert (found[2]["actor"], found[2]["task"], found[2]["status"]) == (None, None, 401)
    assert [line["path"] for line in found[2:]] == ["/tasks", "/tasks/last"]
    assert list(found[0]) == ["when", "request_id", "actor", "method", "path", "task", "status"]


def test_predictions_are_not_for_the_audit_log(predicting: str, make_key: MakeKey, settings: Settings) -> None:
    with httpx.Client(base_url=predicting, headers=bearer(make_key("ann", "read")), trust_env=False) as http:
        assert http.post("/tasks/signs/predict").status_code == 404
        http.get("/tasks/signs/predict")
        http.post("/predict/last")
    assert [(line["method"], line["path"], line["status"]) for line in lines(settings, 2)] == [
        ("GET", "/tasks/signs/predict", 404),
        ("POST", "/predict/last", 403),
    ]


def test_head_needs_what_get_needs_and_is_noted_as_what_it_is(
    http: httpx.Client, make_key: MakeKey, settings: Settings
) -> None:
    reader, publisher = bearer(make_key("ann", "read")), bearer(make_key("bob", "publish"))
    asked = [http.head("/tasks", headers=headers).status_code for headers in (reader, publisher, {})]
    assert asked == [200, 403, 401]
    assert [(line["method"], line["status"]) for line in lines(settings, 3)] == [
        ("HEAD", 200),
        ("HEAD", 403),
        ("HEAD", 401),
    ]


def test_without_keys_the_audit_log_believes_x_actor(registry: Registry, tmp_path: Path) -> None:
    settings = Settings(audit_log=tmp_path / "audit.jsonl")
    with served(create_app(registry, settings)) as url, httpx.Client(base_url=url) as http:
        http.get("/tasks", headers={"X-Actor": "ann"})
        assert settings.audit_log
        lines(settings, 1)
        settings.audit_log.rename(tmp_path / "older.jsonl")
        http.get("/tasks/a%0Ab")
    (line,) = lines(settings, 1)
    assert (line["actor"], line["path"]) == ("anonymous", "/tasks/a\nb")
    assert '"actor":"ann"' in (tmp_path / "older.jsonl").read_text()


def test_unusable_files_stop_the_start(registry: Registry, tmp_path: Path) -> None:
    with pytest.raises(KeysInvalid):
        create_app(registry, Settings(keys_file=tmp_path / "none.json"))
    with pytest.raises(AuditLogUnusable):
        create_app(registry, Settings(audit_log=tmp_path / "no folder" / "audit.jsonl"))


def test_a_full_disk_costs_lines_not_answers(
    http: httpx.Client, make_key: MakeKey, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    assert settings.audit_log
    secret = make_key("ann", "read")
    settings.audit_log.unlink(missing_ok=True)
    os.symlink("/dev/full", settings.audit_log)
    assert http.get("/tasks", headers=bearer(secret)).status_code == 200
    until(lambda: "missing in the audit log" in caplog.text)
