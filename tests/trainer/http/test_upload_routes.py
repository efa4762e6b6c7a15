"""Looking at an archive over HTTP: what comes back, what is refused, and that nothing stays."""

import os
import shutil
import signal
import threading
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import httpx
import pytest

from tests.processes.liveness import is_running
from tests.trainer import archives
from tests.trainer.bad_archives import BAD
from tests.waiting import until
from trainer.http import looks
from trainer.http.schemas import Inspection
from trainer.intake.inspection import inspect
from trainer.problems import status_of
from trainer.service import Service

ODD = archives.zip_of({**archives.class_folders(), "notes.md": b"x", ".hidden/a.png": archives.picture(1)})
SHOTS = archives.zip_of(
    {
        f"{name}/shot{shot}-{part}.png": archives.picture(hash((name, shot, part)) % 2**32)
        for name in ("cats", "dogs")
        for shot in range(8)
        for part in range(2)
    }
)


def look(http: httpx.Client, data: bytes, query: str = "") -> httpx.Response:
    return http.post(f"/datasets/inspect{query}", content=data)


@pytest.fixture(autouse=True)
def nothing_stays(http: httpx.Client, service: Service) -> Iterator[None]:
    yield
    assert not list(service.settings.uploads_dir.iterdir())
    assert http.get("/jobs").json() == []
    assert not list(service.blobs.digests())


def test_the_answer_is_what_intake_finds(http: httpx.Client, service: Service) -> None:
    answer = look(http, ODD)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    upload = service.settings.data_dir / "odd.zip"
    upload.write_bytes(ODD)
    assert answer.json() == inspect(upload, service.limits).as_json()
    assert Inspection.model_validate(answer.json(), extra="forbid").findings[0].weight == "warning"
    form = http.post("/datasets/inspect", files={"file": ODD})
    assert form.json() == answer.json()


def test_what_a_job_would_fail_of_is_an_answer_too(http: httpx.Client) -> None:
    answer = look(http, archives.zip_of({"train/1.jpg": archives.picture(1), "test/2.jpg": archives.picture(2)}))
    assert answer.status_code == 200
    assert "splits and no classes" in answer.json()["error"]


def test_bad_archives_are_refused_as_in_an_upload(http: httpx.Client) -> None:
    for kind, bad in BAD.items():
        answer = look(http, bad.data)
        assert answer.status_code >= 400, (kind, answer.text)
        assert (answer.status_code, answer.json()["title"]) == status_of(bad.error), kind


def test_what_lies_deeper_is_refused_too(http: httpx.Client, service: Service) -> None:
    """By the process that looks, in words of the service."""
    inner = archives.tar_of({**archives.class_folders(), "cats/zeros.png": bytes(40_000_000)})
    answer = look(http, archives.zip_of({"nested.tar.gz": inner}))
    assert (answer.status_code, answer.json()["title"]) == (413, "archive unpacks to too much"), answer.text
    answer = look(http, archives.zip_of({"nested.tar.gz": archives.tar_of(archives.class_folders())[:-500]}))
    assert (answer.status_code, answer.json()["where"]) == (422, "nested.tar.gz"), answer.text
    assert answer.json()["type"] == "urn:nettailor:problem:archive-invalid"


def test_too_large_ones_are_refused_unread(http: httpx.Client, service: Service) -> None:
    object.__setattr__(service.settings, "upload_mib", 1)
    assert (look(http, bytes(1_200_000)).status_code, look(http, b"").status_code) == (413, 422)


def test_a_pattern_in_query_or_form(http: httpx.Client) -> None:
    pattern = "shot[0-9]+"
    by_query = look(http, SHOTS, "?group_by=shot%5B0-9%5D%2B").json()
    assert "belong to groups" in by_query["findings"][0]["text"]
    by_form = http.post("/datasets/inspect", files={"file": SHOTS}, data={"group_by": pattern})
    assert by_form.json() == by_query
    for answer in (
        look(http, SHOTS, "?group_by=("),
        look(http, SHOTS, "?group_by=nowhere"),
        look(http, SHOTS, f"?group_by={'x' * 201}"),
        http.post("/datasets/inspect", files={"file": SHOTS}, data={"group_by": "("}),
        http.post("/datasets/inspect?group_by=a", files={"file": SHOTS}, data={"group_by": "b"}),
        http.post("/datasets/inspect", files={"file": SHOTS}, data={"group_by": ["a", "b"]}),
        http.post("/datasets/inspect", files={"file": SHOTS, "group_by": b"\xff"}),
    ):
        assert (answer.status_code, "group_by" in answer.text or "UTF-8" in answer.text) == (422, True), answer.text


@pytest.fixture
def gate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which looks that have begun leave files, and that they wait for to be removed."""
    (tmp_path / "gate").mkdir()
    monkeypatch.setattr(looks, "PROGRAM", "tests.trainer.http.programs.held_look")
    monkeypatch.setenv("HELD_LOOK_GATE", str(tmp_path / "gate"))
    return tmp_path / "gate"


def begun(gate: Path) -> list[int]:
    """Process ids."""
    return [int(path.name) for path in gate.iterdir()]


def test_the_service_answers_while_archives_are_looked_through_two_at_a_time(http: httpx.Client, gate: Path) -> None:
    statuses: list[int] = []
    threads = [threading.Thread(target=lambda: statuses.append(look(http, ODD).status_code)) for _ in range(3)]
    for thread in threads:
        thread.start()
    until(lambda: len(begun(gate)) == 2, "two looks have begun")
    assert http.get("/healthz").status_code == 200
    assert len(begun(gate)) == 2
    shutil.rmtree(gate)
    for thread in threads:
        thread.join()
    assert statuses == [200, 200, 200]


def test_a_look_ends_when_its_client_hangs_up(http: httpx.Client, gate: Path, service: Service) -> None:
    client = HTTPConnection(http.base_url.host, http.base_url.port)
    client.request("POST", "/datasets/inspect", ODD)
    (looking,) = until(lambda: begun(gate), "the look has begun")
    client.close()
    until(lambda: not is_running(looking), "the look has ended")
    until(lambda: not list(service.settings.uploads_dir.iterdir()), "the upload is gone")


def test_a_look_that_dies_is_an_error_of_the_service(http: httpx.Client, gate: Path) -> None:
    answers: list[httpx.Response] = []
    thread = threading.Thread(target=lambda: answers.append(look(http, ODD)))
    thread.start()
    (looking,) = until(lambda: begun(gate), "the look has begun")
    os.kill(looking, signal.SIGKILL)
    thread.join()
    assert (answers[0].status_code, answers[0].json()["title"]) == (500, "look died")
    assert "signal 9" in answers[0].json()["detail"]


def test_a_look_that_needs_too_much_memory_is_stopped_and_says_so(
    http: httpx.Client, gate: Path, monkeypatch: pytest.MonkeyPatch, service: Service
) -> None:
    """Any process takes more than a megabyte."""
    monkeypatch.setattr(type(service.settings), "job_memory_limit_bytes", 1 << 20)
    answer = look(http, ODD)
    assert (answer.status_code, answer.json()["title"]) == (413, "memory limit exceeded")
    assert "needed more than 1 MiB of memory" in answer.json()["detail"]
    assert "NETTAILOR_JOB_MEMORY_BYTES" in answer.json()["detail"]
