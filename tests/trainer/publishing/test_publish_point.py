"""The front of a version: kept beside it, listed, and published point by point, over real HTTP."""

from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from hosting.access.key_file import add_key
from hosting.access.keys import new_key
from nettailor.bundle.bundle import encode
from nettailor.bundle.manifest import Manifest
from nettailor.network.backbones import Backbone, build_backbone
from registry.journal.records import VersionRecord
from registry.policy.policy import Policy
from registry.registry import Registry
from registry.versions.evaluation import EVALUATIONS, evaluation_of
from tests.bundles import random_bundle, random_tensors, tiny_bytes
from tests.serving import served
from tests.trainer.datasets import dataset_file
from tests.trainer.publishing.points import ACCURACIES, CHOSEN, point
from tests.trainer.publishing.tailored import JOB, SLACK
from trainer.http.app import create_app
from trainer.publishing.publish import publish
from trainer.recipe.pareto import POINTS, read_pareto_front
from trainer.recipe.result import Tailored
from trainer.service import Service
from trainer.settings import Settings


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return build_backbone("mini26").eval()


@pytest.fixture
def registry(service: Service) -> Registry:
    return service.registry


@pytest.fixture
def made(backbone: Backbone) -> Tailored:
    points = tuple(point(backbone.fingerprint(), k, accuracy) for k, accuracy in ACCURACIES.items())
    (chosen,) = (p for p in points if p.chosen)
    rows = [p.row() for p in points]
    return Tailored(bundle=chosen.bundle, manifest=chosen.manifest, pareto_front=rows, points=points)


@pytest.fixture
def published(registry: Registry, made: Tailored, backbone: Backbone, tmp_path: Path) -> Tailored:
    dataset = dataset_file(tmp_path, 0)
    extra = {"report.html": registry.blobs.put(b"<!doctype html>")}
    result = publish(registry, JOB, made, dataset, backbone, slack=SLACK, attachments=extra)
    assert result["version"] == 1
    assert result["front"] == made.pareto_front
    return made


@pytest.mark.parametrize("held", [b"{}", b"[1]", b'[{"k": 1}]'], ids=["no list", "no rows", "no digest"])
def test_what_a_file_of_another_installation_called_points(registry: Registry, held: bytes) -> None:
    record = registry.publish("signs", tiny_bytes(), actor="me", attachments={POINTS: registry.blobs.put(held)})
    assert read_pareto_front(record, registry.blobs) == []


def test_the_points_are_kept_with_the_version(registry: Registry, published: Tailored) -> None:
    record = registry.resolve("pets")
    names = [f"front/k{k:02d}.safetensors" for k in ACCURACIES]
    assert set(record.attachments) == {*names, POINTS, EVALUATIONS, "report.html"}
    for name, one in zip(names, published.points, strict=True):
        assert registry.blobs.read(record.attachments[name]) == one.bundle
    assert record.attachments["front/k06.safetensors"] == record.digest
    assert read_pareto_front(record, registry.blobs) == published.pareto_front


def test_the_front_is_listed(http: httpx.Client, registry: Registry, published: Tailored) -> None:
    answer = http.get("/tasks/pets/versions/1/front").json()
    assert (answer["task"], answer["version"]) == ("pets", 1)
    assert answer["points"] == [row | {"version": 1 if row["k"] == CHOSEN else None} for row in published.pareto_front]
    lone, tensors = random_bundle(task="pets", seed=99)
    registry.publish("pets", encode(lone, tensors), actor="ada")
    assert http.get("/tasks/pets/versions/2/front").json()["points"] == []


def test_a_point_becomes_a_version_once(http: httpx.Client, registry: Registry, published: Tailored) -> None:
    answer = http.post("/tasks/pets/versions/1/front/9", headers={"X-Actor": "ada"})
    assert answer.status_code == 201
    done = answer.json()
    assert (done["version"], done["alias"], done["refused"], done["job"]) == (2, None, None, JOB.id)
    record = registry.version_record("pets", 2)
    assert (record.digest, record.actor, record.job) == (done["digest"], "ada", JOB.id)
    assert "k=9" in record.note
    assert registry.task("pets").aliases == {"live": 1}
    # its own front is the same, so that a third point can be published from it, whatever becomes of version 1
    assert read_pareto_front(record, registry.blobs) == published.pareto_front
    shares = [float(evaluation_of(registry.version_record("pets", v), registry.blobs).right.mean()) for v in (1, 2)]
    assert shares == [ACCURACIES[CHOSEN], ACCURACIES[9]]
    assert "report.html" not in record.attachments
    assert http.post("/tasks/pets/versions/2/front/9").json()["version"] == 2
    assert http.post("/tasks/pets/versions/2/front/6").json()["version"] == 1
    assert http.post("/tasks/pets/versions/2/front/3").json()["version"] == 3
    assert [row["version"] for row in http.get("/tasks/pets/versions/1/front").json()["points"]] == [3, 1, 2, None]


def test_live_only_if_the_policy_passes(http: httpx.Client, registry: Registry, published: Tailored) -> None:
    def ask(k: int, alias: str | None, reason: str = "") -> tuple[object, object, bool]:
        answer = http.post(f"/tasks/pets/versions/1/front/{k}", json={"alias": alias, "reason": reason})
        assert answer.status_code == 201, answer.text
        done = answer.json()
        return done["version"], done["alias"], bool(done["refused"])

    assert ask(10, "live") == (2, None, True)  # 20 points lower: more than the slack
    assert registry.task("pets").aliases == {"live": 1}
    assert ask(9, "live", "leaner") == (3, "live", False)
    assert registry.history("pets")[-1].reason == "leaner"  # type: ignore[union-attr]  # a move has one
    assert ask(10, "candidate") == (2, "candidate", False)
    registry.set_policy("pets", Policy(min_accuracy=0.91), actor="ada", reason="")
    assert ask(6, "live") == (1, None, True)
    assert ask(3, "live") == (4, "live", False)
    assert registry.task("pets").aliases == {"live": 4, "candidate": 2}


def test_whoever_may_publish_moves_no_alias_with_a_point(
    settings: Settings, service: Service, registry: Registry, published: Tailored, tmp_path: Path
) -> None:
    keys = tmp_path / "keys.json"
    (publisher, one), (both, other) = new_key("ann", ["publish"]), new_key("bob", ["publish", "promote"])
    add_key(keys, publisher)
    add_key(keys, both)
    service.settings = settings.model_copy(update={"keys_file": keys})
    with served(create_app(service)) as url, httpx.Client(base_url=url, trust_env=False, timeout=30) as http:

        def ask(secret: str, alias: str | None) -> httpx.Response:
            headers = {"Authorization": f"Bearer {secret}"}
            return http.post("/tasks/pets/versions/1/front/9", json={"alias": alias}, headers=headers)

        for alias in ("live", "candidate"):
            assert (ask(one, alias).status_code, ask(one, alias).json()["scope"]) == (403, "promote")
        assert [record.version for record in registry.versions("pets")] == [1]
        assert ask(one, None).json()["version"] == 2
        assert registry.task("pets").aliases == {"live": 1}
        assert ask(other, "live").json()["alias"] == "live"


def test_not_away_from_another_backbone(http: httpx.Client, registry: Registry, published: Tailored) -> None:
    manifest, tensors = random_bundle(task="pets", fingerprint="f" * 64, classes=2, seed=77)
    record = registry.publish("pets", encode(manifest, tensors), actor="ada")
    registry.promote("pets", "live", record.version, actor="ada", reason="", force=False)
    done = http.post("/tasks/pets/versions/1/front/3", json={"alias": "live"}).json()
    assert (done["alias"], "another backbone" in done["refused"]) == (None, True)


def test_what_is_not_there(http: httpx.Client, registry: Registry, published: Tailored) -> None:
    cases = [
        ("/tasks/pets/versions/1/front/4", None, 404, "point-unknown"),
        ("/tasks/pets/versions/9/front/6", None, 404, "version-unknown"),
        ("/tasks/birds/versions/1/front/6", None, 404, "task-unknown"),
        ("/tasks/pets/versions/1/front/-1", None, 422, None),
        ("/tasks/pets/versions/1/front/6", {"alias": "staging"}, 422, None),
        ("/tasks/pets/versions/1/front/6", {"alias": "live", "force": True}, 422, None),
    ]
    for path, body, status, kind in cases:
        answer = http.post(path, json=body)
        assert answer.status_code == status, answer.text
        assert kind is None or answer.json()["type"].endswith(kind)
    assert http.get("/tasks/birds/versions/1/front").status_code == 404
    assert [record.version for record in registry.versions("pets")] == [1]


def test_the_garbage_collection_leaves_points_alone(registry: Registry, published: Tailored) -> None:
    registry.collect_garbage(0.0, dry_run=False)
    assert read_pareto_front(registry.resolve("pets"), registry.blobs)
    assert all(registry.blobs.exists(str(row["digest"])) for row in published.pareto_front)


def test_a_network_beyond_its_budget_never_goes_live_by_itself(
    registry: Registry, made: Tailored, backbone: Backbone, tmp_path: Path
) -> None:
    recipe = made.manifest.recipe | {"max_macs": 0.1, "within_target": False}
    manifest = Manifest.model_validate(made.manifest.model_copy(update={"recipe": recipe}).model_dump())
    over = replace(made, manifest=manifest, bundle=encode(manifest, random_tensors(manifest, seed=0)))
    result = publish(registry, JOB, over, dataset_file(tmp_path, 0), backbone, slack=SLACK)
    assert (result["alias"], "budget" in str(result["reason"])) == ("candidate", True)
    assert registry.task("pets").aliases == {"candidate": 1}


def test_a_point_does_not_bring_a_deleted_task_back(
    http: httpx.Client, registry: Registry, published: Tailored, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The task is deleted when the front has been found, and before its point is published; then it is asked again."""
    find = registry.version_record

    def find_and_delete(task: str, version: int) -> VersionRecord:
        record = find(task, version)
        registry.delete_task(task, actor="ann", reason="over")
        return record

    with monkeypatch.context() as patch:
        patch.setattr(registry, "version_record", find_and_delete)
        answer = http.post("/tasks/pets/versions/1/front/9")
    assert (answer.status_code, answer.json()["title"]) == (409, "task was deleted")
    assert http.post("/tasks/pets/versions/1/front/9").status_code == 404
    registry.publish("pets", published.bundle, actor="ada")  # somebody makes the task anew
    assert http.post("/tasks/pets/versions/1/front/9").status_code == 404
    assert [record.version for record in registry.versions("pets")] == [2]
