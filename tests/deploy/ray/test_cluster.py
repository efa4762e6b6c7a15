"""The application on a real Ray cluster of several nodes, of which one is killed.

Ray is imported by the fixtures: the tests of every day collect this file too.
"""

import itertools
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from prometheus_client.parser import text_string_to_metric_families

from benchmarks.ray.load import Asked, ask_all, client, load
from benchmarks.workloads.mini26 import random_bundle, usual_plan
from hosting.redis_server.embedded import EmbeddedRedis
from nettailor.bundle import bundle as bundles
from nettailor.images import normalise
from nettailor.network.backbones import load_backbone
from nettailor.network.student import Student
from registry.wiring import open_registry
from server.settings import ServerSettings
from tests.server.asking import FILES, IMAGES
from tests.waiting import until

if TYPE_CHECKING:
    from benchmarks.ray.cluster import LocalCluster

pytestmark = [
    pytest.mark.nightly,
    pytest.mark.filterwarnings("ignore"),  # Ray's own: it leaves sockets open, and uses what pydantic will drop
]

TASKS = [f"task{index}" for index in range(12)]
THREADS = 6


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    fingerprint = load_backbone("mini26").fingerprint()
    return {
        task: random_bundle(task, seed, plan=usual_plan(), fingerprint=fingerprint) for seed, task in enumerate(TASKS)
    }


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes]) -> Iterator[ServerSettings]:
    """A device that has room for two thirds of the tasks."""
    from benchmarks.ray.cluster import device_bytes

    folder = tmp_path_factory.mktemp("ray")
    with EmbeddedRedis(folder / "redis") as server:
        settings = ServerSettings(
            data_dir=folder,
            redis_url=server.url,
            device="cpu",
            winograd=False,
            device_budget_bytes=8 * max(map(device_bytes, files.values())),
        )
        with open_registry(settings, server.url) as registry:
            for task, data in files.items():
                record = registry.publish(task, data, actor="test")
                registry.promote(task, "live", record.version, actor="test", reason="test")
        yield settings


@pytest.fixture(scope="module")
def cluster(settings: ServerSettings) -> Iterator["LocalCluster"]:
    """Two nodes with a replica each."""
    from benchmarks.ray.cluster import local_cluster

    with local_cluster(2) as cluster:
        cluster.deploy(settings, replicas=2)
        yield cluster


def _settled(url: str, rounds: int = 3) -> list[Asked]:
    """Ask for every task until several rounds in a row find all of them on the device; what these were answered."""
    found: list[list[Asked]] = []

    def is_settled() -> bool:
        found.append(ask_all(url, TASKS, threads=1))
        assert all(one.status == 200 for one in found[-1])
        return all(one.tier == "device" for asked in found[-rounds:] for one in asked) and len(found) >= rounds

    until(is_settled)
    return [one for asked in found[-rounds:] for one in asked]


def _homes(asked: list[Asked]) -> dict[str, set[str]]:
    return {task: {one.replica for one in asked if one.task == task} for task in TASKS}


def test_answers_are_those_of_each_task_by_itself(cluster: "LocalCluster", files: dict[str, bytes]) -> None:
    backbone = load_backbone("mini26")
    with client(cluster.url) as asking:
        for task, data in files.items():
            bundle = bundles.decode(data)
            images = torch.from_numpy(normalise(IMAGES, bundle.manifest.preprocessing))
            with torch.inference_mode():
                expected = torch.softmax(Student.from_bundle(backbone, bundle)(images).double(), 1).numpy()
            for image, file in enumerate(FILES):
                answer = asking.post(f"/tasks/{task}/predict", content=file).raise_for_status()
                (ranking,) = answer.json()["predictions"]
                assert [label["index"] for label in ranking] == np.argsort(-expected[image]).tolist()
                for label in ranking:
                    assert label["probability"] == pytest.approx(expected[image, label["index"]], abs=1e-4)
                assert answer.json()["digest"] == bundles.digest_of(data)
                assert len(answer.headers.get_list("x-request-id")) == 1


def test_errors_are_problems(cluster: "LocalCluster") -> None:
    with client(cluster.url) as asking:
        for path, status in (
            ("/tasks/nobody/predict", 404),
            (f"/tasks/{TASKS[0]}/predict?top_k=0", 422),
            (f"/predict?tasks={TASKS[0]},{TASKS[0]}", 422),
        ):
            answer = asking.post(path, content=FILES[0])
            assert answer.status_code == status
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json()["request_id"] == answer.headers["x-request-id"]


def test_requests_keep_to_the_replica_that_holds_their_task(cluster: "LocalCluster") -> None:
    """More tasks than one replica has room for, all of them resident on one of the two, and asked there only."""
    homes = _homes(_settled(cluster.url))
    assert all(len(replicas) == 1 for replicas in homes.values())
    assert len(set.union(*homes.values())) == 2


def test_metrics_of_every_replica_are_on_one_page(cluster: "LocalCluster") -> None:
    replicas = set.union(*_homes(_settled(cluster.url)).values())
    with client(cluster.url) as asking:
        page = asking.get("/metrics").raise_for_status().text
    samples = [sample for family in text_string_to_metric_families(page) for sample in family.samples]
    switches = [sample for sample in samples if sample.name == "nettailor_task_switch_seconds_count"]
    assert {sample.labels["instance"] for sample in switches} == replicas
    resident = [sample for sample in samples if sample.name == "nettailor_resident_task"]
    assert {sample.labels["task"] for sample in resident if sample.labels["tier"] == "device"} == set(TASKS)


def test_many_tasks_of_one_request_are_answered_together(cluster: "LocalCluster") -> None:
    with client(cluster.url) as asking:
        answer = asking.post(f"/predict?tasks={','.join(TASKS[:5])}", content=FILES[0]).raise_for_status()
    assert [result["task"] for result in answer.json()["results"]] == TASKS[:5]


def test_a_replica_that_is_no_longer_wanted_answers_what_it_has(
    cluster: "LocalCluster", settings: ServerSettings
) -> None:
    before = set.union(*_homes(_settled(cluster.url)).values())
    with load(cluster.url, itertools.cycle(TASKS).__next__, threads=THREADS) as (asked, _):
        until(lambda: before <= {one.replica for one in list(asked)})
        cluster.deploy(settings, replicas=1)
        cluster.deploy(settings, replicas=2)
        until(lambda: len({one.replica for one in list(asked)} - before) >= 1)
    assert {(one.status, one.attempts) for one in asked} == {(200, 1)}


def test_replicas_come_with_the_load(cluster: "LocalCluster", settings: ServerSettings) -> None:
    waiting = settings.model_copy(update={"max_wait_ms": 100})
    cluster.deploy(waiting, replicas=1, max_replicas=2, target_ongoing_requests=1, upscale_delay_s=0)
    with load(cluster.url, itertools.cycle(TASKS).__next__, threads=THREADS) as (asked, _):
        until(lambda: len({one.replica for one in asked[-10 * THREADS :]}) == 2)
    assert {(one.status, one.attempts) for one in asked} == {(200, 1)}


def test_a_killed_node_costs_no_request_and_its_tasks_become_resident_elsewhere(
    cluster: "LocalCluster", settings: ServerSettings
) -> None:
    # Batches that wait for company and about one request a task at any time: or the kill might meet none on the node.
    cluster.deploy(settings.model_copy(update={"max_wait_ms": 300}), replicas=2)
    before = set.union(*_homes(_settled(cluster.url)).values())
    with load(cluster.url, itertools.cycle(TASKS).__next__, threads=len(TASKS)) as (asked, _):
        until(lambda: before <= {one.replica for one in list(asked)})
        cluster.kill_worker()
        killed_at = len(asked)
        # All on the one that is left, which has no room for them at once.
        until(lambda: _answered_by_one(asked[killed_at:]))
        survivor = asked[-1].replica
        cluster.add_worker()
        until(lambda: not {one.replica for one in list(asked)} <= before)
    assert survivor in before
    lost = [one for one in asked if one.status != 200]
    assert not lost, json.dumps([one.__dict__ for one in lost])
    assert any(one.attempts > 1 for one in asked)  # or nothing was under way on the node, and this proves nothing
    after = _homes(_settled(cluster.url))
    assert len(set.union(*after.values())) == 2
    assert not set.union(*after.values()) & (before - {survivor})


def _answered_by_one(asked: list[Asked]) -> bool:
    latest = asked[-10 * len(TASKS) :]
    return len(latest) == 10 * len(TASKS) and len({one.replica for one in latest}) == 1
