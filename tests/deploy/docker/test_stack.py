"""The stack of docker-compose.yml, all its own processes but the containers: bare environments, Redis with a password,
keys, nginx in front; a prediction, an upload, a job's events, and how it ends."""

import json
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from nettailor.bundle.bundle import digest_of, encode
from nettailor.network.backbones import load_backbone
from tests.bundles import random_bundle
from tests.deploy.docker.stack import OURS, Stack, stack
from tests.server.asking import FILES
from tests.trainer.archives import class_folders, zip_of
from tests.waiting import PATIENCE_SECONDS, until

# Four environments and services. By day hosting/web/test_process and server/test_service start each service by itself,
# test_images says what an image has to hold, and test_proxy and test_compose try what lies around them.
pytestmark = pytest.mark.nightly

_TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture(scope="module")
def running() -> Iterator[Stack]:
    with tempfile.TemporaryDirectory(prefix="nettailor-stack-") as folder, stack(Path(folder)) as made:
        yield made


@pytest.fixture(scope="module")
def client(running: Stack) -> Iterator[httpx.Client]:
    with running.client() as made:
        yield made


@pytest.mark.parametrize(
    ("service", "lacks"),
    [
        ("registry", ["torch", "rq", "PIL"]),
        ("server", ["rq", "typer", "zstandard"]),
        ("trainer", ["sklearn", "pytest"]),
    ],
)
def test_a_service_runs_without_what_the_others_need(running: Stack, service: str, lacks: list[str]) -> None:
    assert running.processes[service].poll() is None
    looking = f"import importlib.util; print(*[n for n in {lacks} if importlib.util.find_spec(n)])"
    done = subprocess.run(
        [running.pythons[service], "-c", looking], check=True, capture_output=True, timeout=PATIENCE_SECONDS
    )
    assert done.stdout.split() == []


def test_nobody_gets_in_without_a_key(running: Stack) -> None:
    for path in ("/tasks", "/jobs"):
        assert httpx.get(f"{running.url}{path}", trust_env=False, timeout=PATIENCE_SECONDS).status_code == 401
    predict = f"{running.url}/tasks/signs/predict"
    assert httpx.post(predict, content=FILES[0], trust_env=False, timeout=PATIENCE_SECONDS).status_code == 401


def test_a_bundle_is_published_promoted_and_answers(running: Stack, client: httpx.Client) -> None:
    data = encode(*random_bundle(fingerprint=load_backbone("mini26").fingerprint()))
    published = client.post("/tasks/signs/versions", content=data)
    assert (published.status_code, published.json()["digest"]) == (201, digest_of(data))
    promoted = client.put("/tasks/signs/aliases/live", json={"version": 1, "reason": "test"})
    assert promoted.status_code == 200

    def predict() -> httpx.Response:
        headers = {"X-Request-Id": "mine-1", "traceparent": _TRACE, "Content-Type": "image/png"}
        return client.post("/tasks/signs/predict", content=FILES[0], headers=headers)

    until(lambda: predict().status_code == 200, process=running.processes["server"])
    answer = predict()
    assert answer.json()["digest"] == digest_of(data)
    assert (answer.headers["x-request-id"], answer.headers["traceparent"]) == ("mine-1", _TRACE)
    assert answer.headers.get_list("x-request-id") == ["mine-1"]
    assert answer.headers["x-task-version"] == "1"
    assert client.post("/tasks/nobody/predict", content=FILES[0]).json()["type"] == "urn:nettailor:problem:task-unknown"
    assert list((running.folder / "volumes/server-cache").iterdir()), "it keeps its bundles in a volume of its own"


def test_an_upload_becomes_a_job_whose_events_are_told(running: Stack, client: httpx.Client) -> None:
    data = zip_of(class_folders(["cats"], each=10))  # one class is too few: the job fails, and tells of it
    accepted = client.post("/tasks/pets/dataset?preset=fast", content=data, headers={"Idempotency-Key": "one"})
    assert accepted.status_code == 202
    where = accepted.headers["location"]
    with client.stream("GET", f"{where}/events") as events:
        assert events.headers["content-type"].startswith("text/event-stream")
        told = [json.loads(line[5:]) for line in events.iter_lines() if line.startswith("data:")]
    job = client.get(where).json()
    assert (job["state"], job["actor"]) == ("failed", "ann")
    assert job["error"]["status"] == 422
    assert told[-1]["kind"] == "state"
    assert {event["kind"] for event in told} >= {"state", "stage"}


def test_an_upload_becomes_a_version_that_answers(running: Stack, client: httpx.Client) -> None:
    data = zip_of(class_folders(["cats", "dogs"], each=12))
    where = client.post("/tasks/animals/dataset?preset=fast", content=data).headers["location"]
    with client.stream("GET", f"{where}/events", timeout=1200) as events:
        told = [json.loads(line[5:]) for line in events.iter_lines() if line.startswith("data:")]
    job = client.get(where).json()
    assert (job["state"], job["result"]["version"]) == ("succeeded", 1), told[-1]
    until(
        lambda: client.post("/tasks/animals/predict", content=FILES[0]).status_code == 200,
        process=running.processes["server"],
    )


def test_told_to_stop_they_all_end_with_0(running: Stack) -> None:
    for name in (*reversed(OURS), "redis"):  # Redis last, as `docker compose down` does it
        running.processes[name].terminate()
        assert running.processes[name].wait(PATIENCE_SECONDS) == 0, name
