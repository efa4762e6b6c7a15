"""A key limited to a task sees that task's jobs and no others."""

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import httpx
import pytest
import redis

from hosting.access.key_file import add_key
from hosting.access.keys import new_key
from tests.serving import served
from tests.trainer.uploads import GOOD
from trainer.http.app import create_app
from trainer.service import Service
from trainer.settings import Settings


@pytest.fixture
def secrets(tmp_path: Path) -> dict[str, str]:
    """Of keys that may read and publish one task each, by task."""
    secrets = {}
    for task in ("pets", "cars"):
        key, secrets[task] = new_key(f"{task}-people", ["read", "publish"], [task])
        add_key(tmp_path / "keys.json", key)
    return secrets


@pytest.fixture
def http(settings: Settings, secrets: dict[str, str], tmp_path: Path) -> Iterator[httpx.Client]:
    locked = settings.model_copy(update={"keys_file": tmp_path / "keys.json"})
    assert locked.redis_url
    with (
        Service(locked, locked.redis_url) as service,
        served(create_app(service)) as url,
        httpx.Client(base_url=url, trust_env=False, timeout=30) as client,
    ):
        yield client


def test_jobs_are_seen_by_the_keys_of_their_task(
    http: httpx.Client, secrets: dict[str, str], redis_client: "redis.Redis"
) -> None:
    pets, cars = ({"Authorization": f"Bearer {secrets[task]}"} for task in ("pets", "cars"))
    assert http.post("/tasks/pets/dataset", content=GOOD).status_code == 401
    assert http.post("/tasks/pets/dataset", content=GOOD, headers=cars).status_code == 403
    job = http.post("/tasks/pets/dataset", content=GOOD, headers={**pets, "X-Actor": "somebody"}).json()
    assert job["actor"] == "pets-people"
    assert http.get(f"/jobs/{job['id']}", headers=pets).json() == job
    assert http.get(f"/jobs/{job['id'][:8]}", headers=pets).json() == job
    assert http.get(f"/jobs/{job['id'][:8]}", headers=cars).status_code == 404
    foreign = http.get(f"/jobs/{job['id']}", headers=cars)
    assert (foreign.status_code, foreign.json()["task"]) == (403, "pets")
    assert http.post("/datasets/inspect", content=GOOD, headers=pets).status_code == 403
    assert http.post("/datasets/inspect?task=pets", content=GOOD, headers=cars).status_code == 403
    assert http.post("/datasets/inspect?task=pets", content=GOOD, headers=pets).json()["error"] is None
    assert http.post(f"/jobs/{job['id']}/finish", headers=cars).status_code == 403
    assert http.post(f"/jobs/{job['id']}/finish", headers=pets).status_code == 409
    assert http.post(f"/jobs/{job['id']}/cancel", headers=cars).status_code == 403
    assert http.post(f"/jobs/{job['id']}/cancel", headers=pets).status_code == 200
    assert http.get("/jobs/nothing", headers=pets).status_code == 404
    assert http.get("/jobs", headers=pets).status_code == 403
    assert http.get("/jobs?task=pets", headers=pets).json()[0]["id"] == job["id"]
    assert http.get("/jobs?task=pets", headers=cars).status_code == 403


def test_the_front_page_leads_to_the_jobs_of_the_key_that_opened_it(
    http: httpx.Client, secrets: dict[str, str], redis_client: "redis.Redis"
) -> None:
    pets, cars = ({"Authorization": f"Bearer {secrets[task]}"} for task in ("pets", "cars"))
    job = http.post("/tasks/pets/dataset", content=GOOD, headers=pets).json()["id"]
    page = http.get("/", headers=pets).text
    assert "pets" in page
    (log,) = [unescape(href) for href in re.findall('href="([^"]+)"', page) if href.startswith(f"jobs/{job}/logs?")]
    opened = http.get(log)
    assert (opened.status_code, opened.headers["content-type"]) == (200, "text/plain; charset=utf-8")
    assert http.get(f"/jobs/{job}").status_code == 200, "as the log was opened by a link"
    other = http.post("/tasks/cars/dataset", content=GOOD, headers=cars).json()["id"]
    for path in (f"/jobs/{other}", f"/jobs/{other}/logs", "/jobs/nothing", f"/jobs/{job}/events", "/jobs"):
        assert http.get(path).status_code in (401, 404), path
    http.cookies.clear()
    assert http.get("/jobs/nothing").status_code == 401
    assert job[:8] not in http.get("/", headers=cars).text
    url = http.post("/links", json={"path": f"/jobs/{job}/logs"}, headers=cars).json()["url"]
    assert http.get(url).status_code == 403, "whose job it is, is looked up when the link is used"
    url = http.post("/links", json={"path": "/tasks/pets/report"}, headers=pets).json()["url"]
    assert url.startswith("/tasks/pets/report?token="), "a page of the registry's"
