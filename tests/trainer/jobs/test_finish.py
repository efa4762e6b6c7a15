"""Asking for the best so far: when that is refused, what the job keeps of it, and who may."""

from typing import Any

import httpx
import pytest

from hosting.web.problem import problem_type
from tests.trainer.uploads import upload
from trainer.errors import NothingToPublish
from trainer.events import Event
from trainer.jobs.job import Job
from trainer.service import Service
from trainer.workers.job_run import JobRun, begin


def candidate(k: int) -> Event:
    fields: dict[str, Any] = {"k": k, "accuracy": 0.9, "good": True, "best": k}
    return Event(kind="candidate", stage="retrain", progress=0.5, fields=fields)


@pytest.fixture
def run(http: httpx.Client, service: Service) -> JobRun:
    """Of a job that was just begun."""
    return begin(service.jobs, upload(http).json()["id"], 1)


def finish(http: httpx.Client, run: JobRun, **headers: str) -> httpx.Response:
    return http.post(f"/jobs/{run.job.id}/finish", headers=headers)


def test_the_request_names_the_candidates_there_were(http: httpx.Client, service: Service, run: JobRun) -> None:
    for k in (9, 6):
        run.report(candidate(k))
    answer = finish(http, run, **{"X-Actor": "ada"})
    assert answer.status_code == 202
    asked = answer.json()["finish"]
    assert (asked["by"], asked["candidates"], answer.json()["state"]) == ("ada", [6, 9], "running")
    assert service.jobs.records.read(run.job.id).finish == asked  # it outlives Redis
    last = service.jobs.store.events(run.job.id)[-1].event
    assert last.fields == {"message": "finishing early: ada asked for the best so far"}


def test_asking_again_changes_nothing(http: httpx.Client, service: Service, run: JobRun) -> None:
    run.report(candidate(9))
    first = finish(http, run).json()["finish"]
    run.report(candidate(6))
    run.begin_publishing()
    events = len(service.jobs.store.events(run.job.id))
    again = finish(http, run, **{"X-Actor": "bob"})
    assert (again.status_code, again.json()["finish"]) == (202, first)
    assert len(service.jobs.store.events(run.job.id)) == events


@pytest.mark.parametrize("stage", ["intake", "teacher", "student"])
def test_there_is_nothing_to_publish_before_a_student_is_trained(http: httpx.Client, run: JobRun, stage: str) -> None:
    run.report(Event(kind="stage", stage=stage, progress=0.1))
    answer = finish(http, run)
    assert (answer.status_code, answer.json()["type"]) == (409, problem_type(NothingToPublish))
    assert "nothing to publish yet" in answer.json()["detail"]


@pytest.mark.parametrize("stage", ["prune", "retrain"])
def test_without_a_candidate_the_student_is_there(http: httpx.Client, run: JobRun, stage: str) -> None:
    run.report(Event(kind="stage", stage=stage, progress=0.5))
    answer = finish(http, run)
    assert (answer.status_code, answer.json()["finish"]["candidates"]) == (202, [])


def test_a_job_that_is_interrupted_has_still_measured_what_it_has(
    http: httpx.Client, service: Service, run: JobRun
) -> None:
    run.report(candidate(6))
    begin(service.jobs, run.job.id, 1).report(Event(kind="stage", stage="teacher", progress=0.1))
    assert finish(http, run).status_code == 202


@pytest.mark.parametrize("stage", ["select", "publish"])
def test_a_job_that_has_chosen_is_publishing(http: httpx.Client, run: JobRun, stage: str) -> None:
    run.report(candidate(6))
    run.report(Event(kind="stage", stage=stage, progress=0.98))
    answer = finish(http, run)
    assert (answer.status_code, answer.json()["detail"]) == (
        409,
        f"job {run.job.id} is publishing: it cannot be finished early",
    )


def test_a_job_that_has_ended_is_over(http: httpx.Client, run: JobRun) -> None:
    run.report(candidate(6))
    finish(http, run)
    run.succeed({"version": 1})
    answer = finish(http, run)
    assert (answer.status_code, "is succeeded: it cannot be finished early" in answer.json()["detail"]) == (409, True)
    assert http.post(f"/jobs/{run.job.id}/retry").status_code == 409
    assert http.post("/jobs/nothing/finish").status_code == 404


def test_a_request_that_could_not_be_read_is_refused() -> None:
    document = {"id": "j", "task": "t", "upload": "u", "options": {}, "actor": "a", "created_at": "2026-11-23T00:00:00"}
    with pytest.raises(ValueError, match="finish does not say"):
        Job.from_json({**document, "finish": {"by": "ada"}})
