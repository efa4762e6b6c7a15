"""Policies, force, tags and lineage over HTTP and through the client."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from nettailor_client import Client
from nettailor_client.errors import RequestRefused
from registry.http.app import create_app
from registry.registry import Registry
from tests.registry.published import publish
from tests.serving import served


@pytest.fixture
def url(registry: Registry) -> Iterator[str]:
    publish(registry, 0.9, 0.7)
    with served(create_app(registry)) as url:
        yield url


def test_a_policy_is_put_read_and_deleted(client: Client, http: httpx.Client) -> None:
    nobody = {"task": "signs", "policy": None, "at": None, "actor": None, "reason": None}
    assert http.get("/tasks/signs/policy").json() == nobody
    assert http.delete("/tasks/signs/policy").status_code == 204
    assert http.get("/tasks/signs/policy").json() == nobody
    policy: dict[str, Any] = {
        "min_accuracy": 0.8,
        "max_drop": 0.01,
        "max_macs": None,
        "allow_int8": False,
        "max_int8_drop": 0.002,
    }
    set_ = client.set_policy("signs", **policy, reason="for production")
    assert set_.policy is not None
    assert (set_.policy.as_json(), set_.actor, set_.reason) == (policy, "ann", "for production")
    assert client.policy("signs") == set_
    assert http.put("/tasks/signs/policy", json={"max_macs": 1.5}).json()["policy"] == {
        "min_accuracy": None,
        "max_drop": None,
        "max_macs": 1.5,
        "allow_int8": True,
        "max_int8_drop": None,
    }
    client.clear_policy("signs", reason="over")
    assert (client.policy("signs").policy, client.policy("signs").reason) == (None, "over")
    assert next(entry.policy for entry in client.history("signs") if entry.kind == "policy") == set_.policy


def test_a_refused_promote_answers_with_the_evidence(client: Client, http: httpx.Client) -> None:
    client.promote("signs", "live", 1)
    client.set_policy("signs", min_accuracy=0.6, max_drop=0.01)
    answer = http.put("/tasks/signs/aliases/live", json={"version": 2})
    assert answer.status_code == 409
    problem = answer.json()
    assert (problem["type"], problem["task"]) == ("urn:nettailor:problem:policy-violated", "signs")
    assert (problem["version"], problem["live"]) == (2, 1)
    low, drop = problem["evidence"]["checks"]
    assert (low["name"], low["required"], low["actual"], low["passed"]) == ("min_accuracy", 0.6, 0.7, True)
    assert (drop["name"], drop["required"], drop["passed"]) == ("max_drop", 0.01, False)
    assert drop["actual"] == pytest.approx(0.2)
    assert drop["detail"] in problem["detail"]
    with pytest.raises(RequestRefused) as caught:
        client.promote("signs", "live", 2)
    assert [check["passed"] for check in caught.value.problem["evidence"]["checks"]] == [True, False]


def test_force_over_http(client: Client, http: httpx.Client) -> None:
    client.set_policy("signs", min_accuracy=0.8)
    assert http.put("/tasks/signs/aliases/live", json={"version": 2, "force": True}).status_code == 422
    move = client.promote("signs", "live", 2, force=True, reason="the old one leaks")
    assert move.forced
    entry = client.history("signs")[-1]
    assert (entry.forced, entry.reason, entry.evidence) == (True, "the old one leaks", move.evidence)


def test_tags_and_note_over_http(client: Client, http: httpx.Client) -> None:
    after = client.annotate("signs", 2, tags={"stage": "qa", "who": "a=b"}, note="good")
    assert (after.tags, after.note) == ({"stage": "qa", "who": "a=b"}, "good")
    assert client.version("signs", 2) == after
    tags = [(version.version, version.tags) for version in client.versions("signs")]
    assert tags == [(1, {}), (2, after.tags)]
    assert [version.version for version in client.versions("signs", tags=["stage=qa", "who"])] == [2]
    assert [v["version"] for v in http.get("/tasks/signs/versions?tag=who=a=b").json()] == [2]
    assert http.get("/tasks/signs/versions?tag=stage=done").json() == []
    client.promote("signs", "live", 2)
    assert client.task("signs").as_json()["live"]["tags"] == after.tags
    assert client.annotate("signs", 2, tags={"who": None}).tags == {"stage": "qa"}
    entry = client.history("signs")[-1]
    assert (entry.kind, entry.version) == ("annotated", 2)
    assert (entry.tags, entry.actor) == ({"stage": "qa"}, "ann")


def test_lineage_over_http(client: Client, registry: Registry) -> None:
    client.promote("signs", "live", 1)
    found, known = client.lineage("signs", 1), registry.lineage("signs", 1)
    manifest = known.record.manifest.model_dump(mode="json")
    assert (found.digest, found.published_at) == (known.record.digest, known.record.at)
    for name in ("dataset", "recipe", "backbone", "libraries", "seed"):
        assert found.as_json()[name] == manifest[name]
    assert found.aliases == ["live"]
    assert found.as_json()["live"] == [{"since": known.live[0].since, "until": None}]


@pytest.mark.parametrize(
    ("request_line", "body", "status"),
    [
        ("GET /tasks/nobody/policy", None, 404),
        ("PUT /tasks/nobody/policy", {}, 404),
        ("DELETE /tasks/nobody/policy", None, 404),
        ("PUT /tasks/signs/policy", {"min_accuracy": 90}, 422),
        ("PUT /tasks/signs/policy", {"max_macs": -1}, 422),
        ("PUT /tasks/signs/policy", {"max_macs": 1e308}, 422),
        ("PUT /tasks/signs/policy", {"max_int8_drop": 1.5}, 422),
        ("PUT /tasks/signs/policy", {"surplus": 1}, 422),
        ("GET /tasks/signs/versions/9/lineage", None, 404),
        ("PATCH /tasks/signs/versions/9", {"note": "x"}, 404),
        ("PATCH /tasks/signs/versions/1", {"tags": {"No Name": "x"}}, 422),
        ("PATCH /tasks/signs/versions/1", {"tags": {"a": "x" * 300}}, 422),
        ("PATCH /tasks/signs/versions/1", {"tags": {f"t{number}": "" for number in range(65)}}, 409),
        ("PATCH /tasks/signs/versions/1", {"version": 2}, 422),
    ],
    ids=lambda value: str(value)[:40],
)
def test_refusals(http: httpx.Client, request_line: str, body: object, status: int) -> None:
    method, path = request_line.split()
    answer = http.request(method, path, json=body)
    assert (answer.status_code, answer.json()["status"]) == (status, status)
    assert answer.headers["content-type"] == "application/problem+json"
