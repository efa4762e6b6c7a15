from pathlib import Path

import httpx
import pytest
import redis
from fastapi import FastAPI

from hosting.settings.settings import Settings
from hosting.web.problems import install_problem_handlers
from nettailor.bundle.bundle import digest_of, encode
from nettailor_client import Client
from nettailor_client.errors import RequestRefused
from registry.http.app import create_app
from registry.http.problems import PROBLEMS
from registry.http.routes import router
from registry.registry import Registry
from registry.storage.blobs import Blobs
from registry.versions.version_file import Origin, pack
from registry.wiring import connect
from tests.bundles import random_bundle, tiny_bytes
from tests.full_disk import full_disk
from tests.nettailor.bundle.abuses import abuses
from tests.serving import served

_ELSEWHERE = {
    "service": "http://localhost:8000",
    "packed_at": "2026-01-01T00:00:00+00:00",
    "task": "signs",
    "version": 3,
    "published_at": "2026-01-01T00:00:00+00:00",
    "actor": "bob",
    "job": "j1",
    "aliases": ["live"],
    "live": [],
    "attachments": {},
}


def test_the_life_of_a_task(client: Client) -> None:
    data = tiny_bytes()
    first = client.publish("signs", data, note="first")
    second = client.publish("signs", tiny_bytes(seed=1))
    assert (first.version, first.actor, first.note, second.version) == (1, "ann", "first", 2)
    assert client.publish("signs", data).version == 1
    assert client.bundle("signs", 1) == data
    assert client.task("signs").live is None

    assert client.promote("signs", "live", 1, expected="nothing").before is None
    with pytest.raises(RequestRefused, match="expected no version"):
        client.promote("signs", "live", 2, expected="nothing")
    assert client.promote("signs", "live", 2, expected=1, reason="better").before == 1
    live = client.task("signs").live
    assert live is not None
    assert (live.version, live.classes, live.digest) == (2, 2, second.digest)
    assert client.rollback("signs", reason="worse").after == 1
    assert [task.aliases for task in client.tasks()] == [{"live": 1}]
    assert [version.version for version in client.versions("signs")] == [1, 2]
    assert client.version("signs", 2).manifest == second.manifest

    client.delete_version("signs", 2, reason="bad")
    client.delete_task("signs", reason="over")
    assert client.tasks() == []
    kinds = [(entry.kind, entry.actor, entry.reason, entry.rollback) for entry in client.history("signs")]
    assert kinds == [
        ("published", "ann", "first", False),
        ("published", "ann", "", False),
        ("alias", "ann", "", False),
        ("alias", "ann", "better", False),
        ("alias", "ann", "worse", True),
        ("version-deleted", "ann", "bad", False),
        ("task-deleted", "ann", "over", False),
    ]


def test_a_task_is_of_the_method_of_its_live_version_or_its_newest(client: Client) -> None:
    client.publish("signs", tiny_bytes())
    client.publish("signs", encode(*random_bundle(method="features")))
    assert [version.method for version in client.versions("signs")] == ["nettailor", "features"]
    assert client.lineage("signs", 2).method == "features"
    assert [task.method for task in client.tasks()] == ["features"]
    client.promote("signs", "live", 1)
    assert client.task("signs").method == "nettailor"
    client.promote("signs", "live", 2)
    live = client.task("signs").live
    assert live is not None
    assert (client.task("signs").method, live.method) == ("features", "features")


def test_aliases_can_be_removed(client: Client, http: httpx.Client) -> None:
    client.publish("signs", tiny_bytes())
    client.promote("signs", "candidate", 1)
    assert http.delete("/tasks/signs/aliases/candidate").json()["after"] is None
    assert client.task("signs").aliases == {}


def test_problems_name_what_they_are_about(client: Client, http: httpx.Client) -> None:
    answer = http.get("/tasks/nobody", headers={"X-Request-Id": "abc-1"})
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-request-id"] == "abc-1"
    assert answer.json() == {
        "type": "urn:nettailor:problem:task-unknown",
        "title": "unknown task",
        "status": 404,
        "detail": "no task 'nobody'",
        "error": "no task 'nobody'",
        "instance": "/tasks/nobody",
        "request_id": "abc-1",
        "task": "nobody",
    }
    client.publish("signs", tiny_bytes())
    conflict = http.put("/tasks/signs/aliases/live", json={"version": 1, "expected": 4})
    assert conflict.status_code == 409
    assert (conflict.json()["expected"], conflict.json()["actual"]) == (4, None)


@pytest.mark.parametrize(
    ("request_line", "body", "status"),
    [
        ("GET /tasks/signs/versions/9", None, 404),
        ("GET /tasks/signs/versions/0", None, 422),
        ("GET /tasks/signs/versions/x", None, 422),
        ("PUT /tasks/signs/aliases/live", {"version": 9}, 404),
        ("PUT /tasks/signs/aliases/live", {}, 422),
        ("PUT /tasks/signs/aliases/live", {"version": 1, "surplus": 1}, 422),
        ("PUT /tasks/signs/aliases/No%20Name", {"version": 1}, 422),
        ("POST /tasks/signs/rollback", None, 404),
        ("DELETE /tasks/..%2Fetc", None, 404),
        ("DELETE /tasks/nobody", None, 404),
        ("PATCH /tasks", None, 405),
        ("GET /nowhere", None, 404),
    ],
)
def test_refusals(registry: Registry, http: httpx.Client, request_line: str, body: object, status: int) -> None:
    registry.publish("signs", tiny_bytes(), actor="me")
    method, path = request_line.split()
    answer = http.request(method, path, json=body)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status
    assert answer.json()["error"]
    assert answer.headers["x-request-id"] == answer.json()["request_id"]


def test_deleting_the_live_version_is_refused(client: Client) -> None:
    client.publish("signs", tiny_bytes())
    client.promote("signs", "live", 1)
    with pytest.raises(RequestRefused, match="named by live") as caught:
        client.delete_version("signs", 1)
    assert caught.value.status == 409


def test_abusive_bundles_are_refused_with_their_message(client: Client) -> None:
    for abuse in abuses():
        with pytest.raises(RequestRefused) as caught:
            client.publish("signs", abuse.data)
        assert caught.value.status in (413, 422)
        assert abuse.says in caught.value.detail


def test_a_corrupt_blob_is_not_handed_out(client: Client, registry: Registry) -> None:
    digest = str(client.publish("signs", tiny_bytes()).digest).removeprefix("sha256:")
    registry.blobs.store.write(f"sha256/{digest[:2]}/{digest}", b"evil")
    with pytest.raises(RequestRefused, match=digest_of(b"evil")) as caught:
        client.bundle("signs", 1)
    assert caught.value.status == 424


def test_a_file_of_a_version_is_published_or_refused_whole(client: Client) -> None:
    told = {"digest": digest_of(tiny_bytes()), "tags": {"stage": "qa"}, "note": "from afar"}
    file = pack(Origin.model_validate(_ELSEWHERE | told), tiny_bytes(), {"report.html": b"<p>"})
    wrong = pack(Origin.model_validate(_ELSEWHERE | told), tiny_bytes(seed=1), {})
    for data, kind in (
        (file[:-1], "version-file-invalid"),
        (tiny_bytes(), "version-file-invalid"),
        (wrong, "digest-mismatch"),
    ):
        with pytest.raises(RequestRefused) as refused:
            client.publish_file("signs", data)
        assert (refused.value.status, refused.value.type) == (422, f"urn:nettailor:problem:{kind}")
    with pytest.raises(RequestRefused, match="made for task 'signs'"):
        client.publish_file("birds", file)
    assert client.tasks() == []
    made = client.publish_file("signs", file)
    assert (made.version, made.actor, made.tags, made.note) == (1, "ann", {"stage": "qa"}, "from afar")
    assert client.report("signs", 1) == "<p>"
    assert client.publish_file("signs", file) == made


def test_a_publish_that_the_disk_has_no_room_for(redis_client: "redis.Redis", tmp_path: Path) -> None:
    registry = Registry(Blobs(str(tmp_path)), redis_client)
    with served(create_app(registry)) as url, Client(url) as client:
        with full_disk(), pytest.raises(RequestRefused, match="No space left") as refused:
            client.publish("signs", tiny_bytes())
        assert (refused.value.status, refused.value.problem["title"]) == (507, "insufficient storage")
        assert client.tasks() == []
        assert client.publish("signs", tiny_bytes()).version == 1


def test_a_publish_that_would_touch_the_reserve(registry: Registry, tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, disk_reserve_bytes=10**18)
    with served(create_app(registry, settings)) as url, Client(url) as client:
        with pytest.raises(RequestRefused, match="kept in reserve") as refused:
            client.publish("signs", tiny_bytes())
        assert refused.value.status == 507
        answer = httpx.get(f"{url}/readyz")
        assert (answer.status_code, answer.json()["title"]) == (503, "not ready")
        assert answer.json()["type"] == "urn:nettailor:problem:reserve-nearly-gone"


def test_health(http: httpx.Client) -> None:
    assert http.get("/healthz").json() == {"status": "ok"}
    assert http.get("/readyz").json() == {"status": "ok"}


def test_without_redis_the_answer_is_503(registry: Registry, redis_client: "redis.Redis") -> None:
    away = Registry(registry.blobs, connect("unix:///nowhere/redis.sock"))
    with served(create_app(away)) as url, httpx.Client(base_url=url) as http:
        for answer in (http.get("/tasks"), http.get("/readyz"), http.post("/tasks/signs/rollback")):
            assert answer.status_code == 503
            assert answer.headers["retry-after"] == "1"
            assert answer.json()["type"] == "urn:nettailor:problem:index-unavailable"
        assert http.get("/healthz").status_code == 200


def test_whoever_shares_the_process_hears_of_a_deleted_task_before_the_answer(registry: Registry) -> None:
    heard: list[str] = []
    app = FastAPI()
    install_problem_handlers(app, PROBLEMS)
    app.include_router(router(registry, task_deleted=heard.append))
    registry.publish("signs", tiny_bytes(), actor="me")
    registry.publish("digits", tiny_bytes(task="digits"), actor="me")
    with served(app) as url, httpx.Client(base_url=url) as http:
        assert http.delete("/tasks/digits/versions/1").status_code == 204
        assert heard == []
        for status in (204, 404):
            assert http.delete("/tasks/signs").status_code == status
            assert heard == ["signs"]
