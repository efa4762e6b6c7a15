"""Uploads and jobs over real HTTP, without a worker."""

import io
import json
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from hosting.web.problem import problem_type
from tests.bundles import tiny_bytes
from tests.full_disk import full_disk
from tests.trainer import archives
from tests.trainer.bad_archives import BAD
from tests.trainer.uploads import GOOD, upload
from trainer.errors import JobAmbiguous
from trainer.events import Event
from trainer.jobs.job import Job
from trainer.problems import status_of
from trainer.service import Service
from trainer.workers.job_run import begin

_ALIKE = ("key 13", "key 18")  # which make jobs whose ids begin with 675


def events_of(text: str) -> list[dict[str, Any]]:
    """Server-sent events as {"id", "event", ...data}."""
    found = []
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if fields:
            found.append({"id": fields["id"], "event": fields["event"], **json.loads(fields["data"])})
    return found


def test_an_accepted_upload_is_stored_queued_and_recorded(http: httpx.Client, service: Service) -> None:
    answer = upload(http, headers={"X-Actor": "ada"})
    assert answer.status_code == 202
    job = answer.json()
    assert answer.headers["Location"] == f"/jobs/{job['id']}"
    assert (job["state"], job["progress"], job["task"], job["actor"]) == ("queued", 0, "pets", "ada")
    assert job["options"] == {"preset": "fast", "seed": 3}
    assert service.blobs.read(job["upload"]) == GOOD
    assert service.jobs.records.read(job["id"]).upload == job["upload"]
    assert service.jobs.queue.waiting_ids() == [f"{job['id']}-1"]
    assert http.get(f"/jobs/{job['id']}").json() == job
    assert http.get("/jobs").json() == [job]
    assert http.get("/jobs?task=other").json() == http.get("/jobs?state=failed").json() == []
    assert not list(service.settings.uploads_dir.iterdir())


def test_multipart(http: httpx.Client, service: Service) -> None:
    data = archives.tar_of(archives.class_folders(each=200))
    answer = http.post("/tasks/pets/dataset", files={"file": ("pets.tar.gz", io.BytesIO(data))})
    assert answer.status_code == 202
    assert service.blobs.read(answer.json()["upload"]) == data
    for files in ({"image": data}, {"image": b"x"}):
        answer = http.post("/tasks/pets/dataset", files=files)
        assert answer.status_code == 422, answer.text
        assert "file" in answer.json()["detail"]
    answer = http.post("/tasks/pets/dataset", content=b"--x--", headers={"Content-Type": "multipart/form-data"})
    assert (answer.status_code, answer.json()["title"]) == (422, "unusable upload")


@pytest.mark.parametrize(
    "content_type", [f"multipart/form-data; boundary={'x' * 300}", "multipart/form-data; boundary=\xfc"]
)
def test_boundaries_that_are_none(http: httpx.Client, content_type: str) -> None:
    answer = http.post(
        "/tasks/pets/dataset", content=b"--x--", headers={b"Content-Type": content_type.encode("latin-1")}
    )
    assert (answer.status_code, answer.json()["title"]) == (422, "unusable upload")


def test_a_form_that_is_cut_off_is_refused(http: httpx.Client) -> None:
    whole = http.build_request("POST", "/tasks/pets/dataset", files={"file": GOOD})
    answer = http.post(whole.url, content=whole.read()[:-8], headers={"Content-Type": whole.headers["Content-Type"]})
    assert (answer.status_code, answer.json()["title"]) == (422, "unusable upload")


def test_options_of_the_form_count_as_those_of_the_query(http: httpx.Client) -> None:
    form = {"preset": "fast", "seed": "7", "priority": "high", "skips": "", "gamma1": "0.5"}
    answer = http.post("/tasks/pets/dataset?seed=7&gamma2=3", files={"file": GOOD}, data=form)
    assert answer.status_code == 202, answer.text
    job = answer.json()
    assert job["options"] == {"preset": "fast", "seed": 7, "gamma1": 0.5, "gamma2": 3.0}
    assert job["priority"] == "high"


@pytest.mark.parametrize(
    ("query", "form", "named"),
    [
        ("?seed=7", {"seed": "8"}, "seed"),
        ("?preset=balanced", {"preset": "fast"}, "preset"),
        ("", {"seed": "many"}, "seed"),
        ("", {"presett": "fast"}, "presett"),
        ("", {"backbone": "none"}, "backbone"),
        ("?target_drop=0.1", {"max_macs": "0.5"}, "target_drop"),
    ],
)
def test_options_of_the_form_are_checked_as_those_of_the_query(
    http: httpx.Client, query: str, form: dict[str, str], named: str
) -> None:
    answer = http.post(f"/tasks/pets/dataset{query}", files={"file": GOOD}, data=form)
    assert answer.status_code == 422
    assert named in answer.json()["detail"]
    assert http.get("/jobs").json() == []


def test_a_job_takes_the_pattern_of_the_form(http: httpx.Client, service: Service) -> None:
    answer = http.post("/tasks/pets/dataset", files={"file": GOOD}, data={"group_by": "([a-z]+)/"})
    assert (answer.status_code, answer.json()["options"]["group_by"]) == (202, "([a-z]+)/")
    assert http.post("/tasks/pets/dataset?group_by=(", content=GOOD).status_code == 422


def test_bad_archives_are_refused_and_the_service_goes_on(http: httpx.Client, service: Service) -> None:
    for kind, bad in BAD.items():
        answer = upload(http, bad.data)
        assert (answer.status_code, answer.json()["title"]) == status_of(bad.error), kind
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json()["type"] == problem_type(bad.error)
        assert "Traceback" not in answer.text
    assert http.get("/jobs").json() == []
    assert not list(service.settings.uploads_dir.iterdir())
    assert upload(http).status_code == 202


def test_problems_name_the_file(http: httpx.Client) -> None:
    problem = upload(http, BAD["zip bomb"].data).json()
    assert (problem["status"], problem["where"]) == (413, "cats/bomb.png")
    problem = upload(http, BAD["tar traversal"].data).json()
    assert problem["detail"] == "a/../../evil.png: the path leaves the archive ('..')"


def test_too_large_uploads(http: httpx.Client, service: Service) -> None:
    object.__setattr__(service.settings, "upload_mib", 1)
    big = bytes(1_200_000)

    def chunks() -> Iterator[bytes]:
        yield from (big[:100_000] for _ in range(12))

    announced = upload(http, big)
    chunked = http.post("/tasks/pets/dataset", content=chunks())
    form = http.post("/tasks/pets/dataset", files={"file": big})
    for answer in (announced, chunked, form):
        assert (answer.status_code, answer.json()["title"]) == (413, "upload too large")


def test_uploads_that_the_disk_has_no_room_for(http: httpx.Client, service: Service) -> None:
    object.__setattr__(service.settings, "disk_reserve_bytes", 10**18)
    announced = upload(http)
    chunked = http.post("/tasks/pets/dataset", content=iter([GOOD]))
    form = http.post("/tasks/pets/dataset", files={"file": GOOD})
    look = http.post("/datasets/inspect", content=GOOD)
    for answer in (announced, chunked, form, look):
        assert (answer.status_code, answer.json()["title"]) == (507, "insufficient storage")
        assert "kept in reserve" in answer.json()["detail"]
    assert http.get("/readyz").json()["type"] == "urn:nettailor:problem:reserve-nearly-gone"
    object.__setattr__(service.settings, "disk_reserve_bytes", 0)
    with full_disk():
        assert upload(http).status_code == 507
    assert http.get("/jobs").json() == []
    assert not list(service.settings.uploads_dir.iterdir())
    assert http.get("/readyz").status_code == 200
    assert upload(http).status_code == 202


def test_malformed_requests(http: httpx.Client) -> None:
    assert http.post("/tasks/pets/dataset?preset=magic", content=GOOD).status_code == 422
    for path in ("/tasks/pets/dataset?preset=fast&preset=thorough", "/datasets/inspect?group_by=a&group_by=b"):
        assert "given more than once" in http.post(path, content=GOOD).json()["detail"]
    for parameters in ("state=failed&state=queued", "limit=1&limit=1", "task=a&actor=&actor=b"):
        assert "given more than once" in http.get(f"/jobs?{parameters}").json()["detail"]
    assert http.get("/jobs?other=1&other=2").status_code == 200  # what is not known is ignored, however often
    assert "query.tail: given more than once" in http.get("/jobs/x/logs?tail=1&tail=2").json()["detail"]
    assert http.post("/tasks/pets/dataset?presett=fast", content=GOOD).status_code == 422
    assert http.post("/tasks/Not%20a%20name/dataset", content=GOOD).status_code == 422
    for method, path in (("GET", "/jobs/x"), ("GET", "/jobs/x/events"), ("POST", "/jobs/x/cancel")):
        answer = http.request(method, path)
        assert (answer.status_code, answer.json()["detail"]) == (404, "no job 'x'")


def test_idempotency_key(http: httpx.Client) -> None:
    first, again = (upload(http, headers={"Idempotency-Key": "k1"}) for _ in range(2))
    assert first.status_code == again.status_code == 202
    assert first.json() == again.json()
    other = upload(http, archives.zip_of(archives.class_folders(seed=9)), {"Idempotency-Key": "k1"})
    assert (other.status_code, other.json()["job"]) == (409, first.json()["id"])
    assert upload(http, headers={"Idempotency-Key": "k1"}, task="others").json()["id"] != first.json()["id"]
    assert len(http.get("/jobs").json()) == 2


def pages_of(http: httpx.Client, url: str) -> list[list[str]]:
    """The ids of all pages, as whoever follows their links finds them."""
    answer = http.get(url)
    pages = [[job["id"] for job in answer.json()]]
    while "next" in answer.links:
        answer = http.get(answer.url.join(answer.links["next"]["url"]))
        pages.append([job["id"] for job in answer.json()])
    return pages


def test_a_job_may_be_named_by_the_beginning_of_its_id(http: httpx.Client) -> None:
    made = [upload(http, headers={"Idempotency-Key": key}).json()["id"] for key in _ALIKE]
    first, second = made
    assert http.get(f"/jobs/{first[:4]}").json()["id"] == first
    refused = http.get("/jobs/675/dataset")
    assert (refused.status_code, refused.json()["type"]) == (409, problem_type(JobAmbiguous))
    assert refused.json()["candidates"] == sorted(made)
    assert http.post(f"/jobs/{second[:8]}/cancel").json()["state"] == "cancelled"
    assert http.post(f"/jobs/{second[:8]}/retry").headers["Location"] == f"/jobs/{second}"
    log = http.get(f"/jobs/{first[:8]}/logs").text
    assert "state=queued" in log
    for unknown in ("6750", "*", "G"):
        assert http.get(f"/jobs/{unknown}").status_code == 404


def test_pages_and_filters(http: httpx.Client) -> None:
    made = [upload(http, headers={"X-Actor": actor}).json()["id"] for actor in ("ada", "bob", "ada", "ada")]
    newest_first = made[::-1]

    def listed(query: str) -> list[str]:
        return [job["id"] for job in http.get(f"/jobs?{query}").json()]

    page = listed("limit=2")
    assert page == newest_first[:2]
    assert listed(f"limit=2&before={page[-1]}") == newest_first[2:]
    assert listed(f"before={newest_first[-1]}") == []
    assert listed("actor=bob") == [made[1]]
    assert pages_of(http, "/jobs?limit=2&state=queued") == [newest_first[:2], newest_first[2:]]
    assert pages_of(http, "/jobs?limit=3&actor=ada") == [[made[3], made[2], made[0]]]
    assert listed(f"actor=ada&state=queued&task=pets&limit=1&before={made[2]}") == [made[0]]
    assert http.get("/jobs?before=nothing").status_code == 404


def test_equal_requests_at_once_make_one_job(http: httpx.Client) -> None:
    answers: list[httpx.Response] = []
    threads = [
        threading.Thread(target=lambda: answers.append(upload(http, headers={"Idempotency-Key": "k"})))
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert {answer.status_code for answer in answers} == {202}


def test_the_priority_is_the_jobs_not_the_recipes(http: httpx.Client) -> None:
    job = upload(http).json()
    assert (job["priority"], job["options"]) == ("normal", {"preset": "fast", "seed": 3})
    assert http.post("/tasks/pets/dataset?priority=urgent", content=b"x").status_code == 422


def test_cancel_and_retry_of_a_waiting_job(http: httpx.Client, service: Service) -> None:
    job = upload(http).json()["id"]
    assert http.post(f"/jobs/{job}/cancel").json()["state"] == "cancelled"
    assert service.jobs.queue.waiting_ids() == []
    answer = http.post(f"/jobs/{job}/cancel")
    assert (answer.status_code, answer.json()["detail"]) == (409, f"job {job} is cancelled: it cannot be cancelled")
    assert http.post(f"/jobs/{job}/retry").json()["state"] == "queued"
    assert service.jobs.queue.waiting_ids() == [f"{job}-2"]
    assert http.post(f"/jobs/{job}/retry").status_code == 409


def test_events_replay_from_an_id_then_follow_live(http: httpx.Client, service: Service) -> None:
    job = upload(http).json()["id"]
    run = begin(service.jobs, job, 1)
    for epoch in range(3):
        fields = {"epoch": epoch, "loss": 0.5, "seconds_left": 3.0 - epoch}
        run.report(Event(kind="epoch", stage="teacher", progress=epoch / 4, fields={**fields}))
    document = http.get(f"/jobs/{job}").json()
    assert (document["stage"], document["progress"], document["seconds_left"]) == ("teacher", 0.5, 1.0)
    seen: list[dict[str, Any]] = []
    with http.stream("GET", f"/jobs/{job}/events") as answer:
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        text = ""
        for piece in answer.iter_text():
            text += piece
            seen = events_of(text[: text.rfind("\n\n")])
            if len(seen) == 5 and run.job.state == "running":  # all of the past was replayed: now live
                run.succeed({"version": 1})
    assert [event["event"] for event in seen] == ["state", "state", "epoch", "epoch", "epoch", "state"]
    assert [event["fields"].get("state") for event in seen if event["event"] == "state"] == [
        "queued",
        "running",
        "succeeded",
    ]
    assert seen[2]["fields"] == {"epoch": 0, "loss": 0.5, "seconds_left": 3.0}
    later = http.get(f"/jobs/{job}/events", headers={"Last-Event-ID": seen[3]["id"]})
    assert events_of(later.text) == seen[4:]
    assert http.get(f"/jobs/{job}/events", headers={"Last-Event-ID": seen[-1]["id"]}).status_code == 204
    assert http.get(f"/jobs/{job}/events", headers={"Last-Event-ID": "nonsense"}).status_code == 422


def test_metrics(http: httpx.Client) -> None:
    upload(http)
    text = http.get("/metrics").text
    assert 'nettailor_jobs{state="queued"} 1.0' in text
    assert "nettailor_train_images_total 0.0" in text
    assert http.get("/readyz").json() == {"status": "ok"}


def test_a_deleted_task_and_its_jobs(http: httpx.Client, service: Service) -> None:
    """An old job is not retried, and says why; an upload makes the task anew."""
    service.registry.publish("pets", tiny_bytes(task="pets"), actor="ada")
    job = upload(http).json()["id"]
    service.registry.delete_task("pets", actor="ann", reason="over")
    service.cancel_jobs_of("pets")
    found = http.get(f"/jobs/{job}").json()
    assert (found["state"], found["error"]["title"]) == ("cancelled", "task was deleted")
    assert "deleted by ann" in http.get(f"/jobs/{job}/logs").text
    answer = http.post(f"/jobs/{job}/retry")
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:nettailor:problem:task-was-deleted")
    assert answer.json()["detail"] == found["error"]["detail"]
    again = upload(http).json()["id"]
    service.cancel_jobs_of("pets")
    assert http.get(f"/jobs/{again}").json()["state"] == "queued"


def test_a_deletion_is_answered_though_its_jobs_cannot_be_cancelled(
    service: Service, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    service.registry.publish("pets", tiny_bytes(task="pets"), actor="ada")
    job = service.jobs.submit("pets", "sha256:" + "0" * 64, {}, actor="ada")
    service.registry.delete_task("pets", actor="ann", reason="over")

    def full(_: Job) -> None:
        raise OSError("no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(service.jobs.records, "write", full)
        service.cancel_jobs_of("pets")
    assert "no space left on device" in caplog.text
    assert service.jobs.store.get(job.id).state == "cancelled"
