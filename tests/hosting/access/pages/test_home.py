"""The front page and links to pages, on the registry's own app: with keys and without."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from pathlib import Path

import httpx
import pytest
import redis

from hosting.access.key_file import add_key
from hosting.access.keys import Scope, new_key
from hosting.access.pages import links
from hosting.settings.settings import Settings
from hosting.telemetry.logs import JsonLines, TextLines
from nettailor.bundle.bundle import encode
from registry.http.app import create_app
from registry.registry import LIVE, Registry
from tests.bundles import random_bundle, tiny_bytes
from tests.serving import served

REPORT = "/tasks/signs/versions/1/report"


@pytest.fixture
def registry(registry: Registry) -> Registry:
    """With two live tasks, which have reports."""
    for task in ("signs", "birds"):
        report = registry.blobs.put(f"<html>how {task} was made</html>".encode())
        record = registry.publish(task, tiny_bytes(task=task), actor="me", attachments={"report.html": report})
        registry.promote(task, LIVE, record.version, actor="me", reason="")
    return registry


@contextmanager
def service(registry: Registry, *, access_log: bool = False, **settings: object) -> Iterator[httpx.Client]:
    app = create_app(registry, Settings(**settings))
    with served(app, access_log=access_log) as url, httpx.Client(base_url=url, trust_env=False) as http:
        yield http


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


def bearer(file: Path, name: str, scopes: list[Scope], tasks: tuple[str, ...] = ()) -> dict[str, str]:
    key, secret = new_key(name, scopes, tasks)
    add_key(file, key)
    return {"Authorization": f"Bearer {secret}"}


def link(http: httpx.Client, key: dict[str, str], path: str) -> str:
    answer = http.post("/links", json={"path": path}, headers=key)
    assert answer.status_code == 200, answer.text
    assert answer.json()["expires_at"]
    return str(answer.json()["url"])


def hrefs(page: str) -> list[str]:
    return [unescape(found) for found in re.findall(r'href="([^"]+)"', page)]


def test_without_keys_the_page_shows_what_there_is_and_leads_to_the_reports(registry: Registry) -> None:
    with service(registry) as http:
        page = http.get("/")
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert "<script" not in page.text
        assert "script-src" not in page.headers["content-security-policy"]
        assert page.headers["content-security-policy"].startswith("default-src 'none'")
        assert "signs" in page.text
        for path in ("docs", "redoc", "healthz", "readyz", REPORT.removeprefix("/")):
            assert path in hrefs(page.text)
            assert http.get(path).status_code == 200, path
        assert http.post("/links", json={"path": REPORT}).json() == {"url": REPORT, "expires_at": None}


def test_accuracies_have_the_interval_of_their_images(registry: Registry) -> None:
    manifest, tensors = random_bundle(task="signs", classes=2)
    manifest = manifest.model_copy(update={"recipe": {**manifest.recipe, "images": {"test": 60}}})
    record = registry.publish("signs", encode(manifest, tensors), actor="me")
    registry.promote("signs", LIVE, record.version, actor="me", reason="")
    with service(registry) as http:
        assert '<td class="number">90% [80, 95]</td>' in http.get("/").text


def test_an_empty_service_says_how_to_begin(registry: Registry) -> None:
    for task in ("signs", "birds"):
        registry.delete_task(task, actor="me", reason="")
    with service(registry) as http:
        assert "nettailor tailor FOLDER" in http.get("/").text


def test_with_keys_a_guest_sees_how_to_get_in_and_nothing_else(registry: Registry, keys: Path) -> None:
    key = bearer(keys, "ann", ["read"])
    with service(registry, keys_file=keys) as http:
        page = http.get("/")
        assert page.status_code == 200
        assert "nettailor link" in page.text
        assert "signs" not in page.text
        assert "signs" in http.get("/", headers=key).text
        assert http.get("/", headers={"Authorization": "Bearer ntk_wrong"}).status_code == 401


def test_a_link_opens_the_front_page_whose_own_links_open_the_reports(registry: Registry, keys: Path) -> None:
    key = bearer(keys, "ann", ["read"])
    with service(registry, keys_file=keys) as http:
        assert http.get(REPORT).status_code == 401
        page = http.get(link(http, key, "/"))
        assert page.status_code == 200
        (report,) = [href for href in hrefs(page.text) if href.startswith(REPORT.removeprefix("/"))]
        opened = http.get(report)
        assert (opened.status_code, opened.text) == (200, "<html>how signs was made</html>")
        for answer in (page, opened):
            assert answer.headers.get_list("referrer-policy") == ["no-referrer"]
            assert answer.headers.get_list("cache-control") == ["no-store"]


def test_a_link_is_good_for_reading_one_page(registry: Registry, keys: Path) -> None:
    key = bearer(keys, "ann", ["read", "publish", "promote", "admin"])
    with service(registry, keys_file=keys) as http:
        query = link(http, key, REPORT).partition("?")[2]
        for path in ("/", "/tasks", "/tasks/birds/versions/1/report", "/tasks/signs/versions/1", "/tasks/signs/report"):
            assert http.get(f"{path}?{query}").status_code == 401, path
        for method in ("POST", "PUT", "DELETE", "PATCH"):
            assert http.request(method, f"{REPORT}?{query}").status_code == 401, method
        assert http.post(f"/links?{query}", json={"path": REPORT}).status_code == 401
        assert http.delete(f"/tasks/signs?{query}").status_code == 401
        assert http.get(f"{REPORT}?{query}").status_code == 200


def test_whoever_opened_a_report_by_a_link_may_follow_the_links_in_it(registry: Registry, keys: Path) -> None:
    """In the same browser, which keeps a cookie; and nothing else than these pages of the one task."""
    key = bearer(keys, "ann", ["read", "publish", "admin"])
    linked = ("/tasks/signs/versions", "/tasks/signs/versions/1", "/tasks/signs/report", REPORT)
    with service(registry, keys_file=keys) as http:
        for path in linked:
            assert http.get(path).status_code == 401, path
        opened = http.get(link(http, key, REPORT))
        (cookie,) = opened.headers.get_list("set-cookie")
        assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(cookie.split("; "))
        for path in linked:
            answer = http.get(path)
            assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store"), path
        for path in ("/tasks", "/tasks/signs", "/tasks/birds/versions", "/tasks/birds/report", f"{REPORT}/../bundle"):
            assert http.get(path).status_code == 401, path
        assert http.delete("/tasks/signs/versions/1").status_code == 401
        assert http.post("/links", json={"path": REPORT}).status_code == 401
        value = http.cookies["nettailor-page-signs"]
        http.cookies.clear()
        for task in ("birds", ""):
            forged = {"Cookie": f"nettailor-page-{task}={value}"}
            assert http.get("/tasks/birds/report", headers=forged).status_code == 401
        keys.write_text(json.dumps({"keys": []}))
        assert http.get(REPORT, headers={"Cookie": f"nettailor-page-signs={value}"}).status_code == 401


def test_a_link_that_opens_nothing_is_told_to_a_browser_in_words(
    registry: Registry, keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = bearer(keys, "ann", ["read"])
    browser = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    with service(registry, keys_file=keys) as http:
        monkeypatch.setattr(links, "LINK_SECONDS", 0)
        old = link(http, key, REPORT)
        for url, words in (
            (old, "this link is too old"),
            (f"{REPORT}?token=ntl_1.a.b", "opens nothing"),
            (REPORT, "key"),
        ):
            answer = http.get(url, headers=browser)
            assert (answer.status_code, answer.headers["content-type"]) == (401, "text/html; charset=utf-8")
            assert words in answer.text.lower()
            assert "nettailor link TASK" in answer.text
            assert answer.headers["www-authenticate"].startswith("Bearer")
            assert answer.headers["content-security-policy"].startswith("default-src 'none'")
            assert http.get(url).headers["content-type"] == "application/problem+json"
            assert http.post(url, headers=browser).headers["content-type"] == "application/problem+json"


def test_a_link_ends_with_its_key_and_with_its_rights(registry: Registry, keys: Path) -> None:
    key = bearer(keys, "ann", ["read"])
    bearer(keys, "bob", ["read"])
    with service(registry, keys_file=keys) as http:
        url = link(http, key, REPORT)
        assert http.get(url).status_code == 200
        document = json.loads(keys.read_text())
        ann = next(entry for entry in document["keys"] if entry["name"] == "ann")
        ann["scopes"] = ["predict"]
        keys.write_text(json.dumps(document))
        assert http.get(url).status_code == 403
        document["keys"].remove(ann)
        keys.write_text(json.dumps(document))
        refused = http.get(url)
        assert (refused.status_code, refused.headers["content-type"]) == (401, "application/problem+json")
        assert refused.json()["type"] == "urn:nettailor:problem:link-invalid"


def test_a_key_of_some_tasks_sees_these_and_makes_links_to_them(registry: Registry, keys: Path) -> None:
    key = bearer(keys, "ann", ["read"], ("signs",))
    with service(registry, keys_file=keys) as http:
        page = http.get(link(http, key, "/")).text
        assert "signs" in page
        assert "birds" not in page
        refused = http.post("/links", json={"path": "/tasks/birds/report"}, headers=key)
        assert (refused.status_code, refused.json()["task"]) == (403, "birds")
        assert http.get(link(http, key, "/tasks/signs/report")).status_code == 200


@pytest.mark.parametrize("path", ["/tasks", "/nothing", "/tasks/signs/versions/1/bundle", "/metrics", "/links"])
def test_there_are_links_to_pages_alone(registry: Registry, path: str) -> None:
    with service(registry) as http:
        refused = http.post("/links", json={"path": path})
        assert (refused.status_code, refused.json()["title"]) == (422, "no such page")


@pytest.mark.parametrize("path", ["", "tasks", "//host/x?y", "/tasks/signs/report?token=1", "http://host/", 5, None])
def test_a_path_is_a_path(registry: Registry, path: object) -> None:
    with service(registry) as http:
        assert http.post("/links", json={"path": path}).status_code == 422


def test_every_service_on_a_redis_knows_the_links_of_the_others(
    registry: Registry, redis_client: "redis.Redis", keys: Path
) -> None:
    key = bearer(keys, "ann", ["read"])
    another = Registry(registry.blobs, redis_client)
    with service(registry, keys_file=keys) as one, service(another, keys_file=keys) as other:
        made = link(one, key, REPORT)
        assert other.get(made).status_code == 200
        (secret,) = redis_client.keys("nettailor:*secret*")
        redis_client.delete(secret)  # it was lost: links made before end, and others are made
        assert other.get(made).status_code == 401
        assert other.get(link(one, key, REPORT)).status_code == 200


def test_no_log_has_a_token(registry: Registry, keys: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    key = bearer(keys, "ann", ["read"])
    audit = tmp_path / "audit.jsonl"
    with service(registry, access_log=True, keys_file=keys, audit_log=audit) as http, caplog.at_level("DEBUG"):
        url = link(http, key, REPORT)
        signature = url.split(".")[1]
        assert http.get(url).status_code == 200
        assert http.get(f"{url}x").status_code == 401
    ours = [record for record in caplog.records if not record.name.startswith("http")]  # the client logs what it asks
    shown = [kind().format(record) for kind in (TextLines, JsonLines) for record in ours]
    assert any(REPORT in line for line in shown), "the access log is on"
    assert signature not in "".join(shown)
    assert signature not in audit.read_text()
    assert '"actor":"ann"' in audit.read_text()
