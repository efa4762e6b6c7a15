"""A job's document has the front so far, while the job runs and after a break."""

from typing import Any

import httpx
import pytest

from tests.trainer.uploads import upload
from trainer.events import Event
from trainer.jobs.job import Job
from trainer.service import Service
from trainer.workers.front import with_candidate
from trainer.workers.job_run import begin


def candidate(k: int, *, best: int, accuracy: float = 0.9, polished: bool = False) -> dict[str, Any]:
    shares = {
        "accuracy": accuracy,
        "teacher_accuracy": 0.91,
        "validated_on": 112,
        "cost": 0.6,
        "macs_removed": 0.3,
        "params_removed": 0.4,
    }
    return {"k": k, **shares, "good": True, "polished": polished, "best": best, "seconds_left": 12.0}


def row(k: int, *, best: bool, accuracy: float = 0.9, polished: bool = False) -> dict[str, Any]:
    fields = candidate(k, best=0, accuracy=accuracy, polished=polished)
    return {name: value for name, value in fields.items() if name != "seconds_left"} | {"best": best}


def test_rows_are_in_the_order_of_blocks_removed_and_one_is_the_best() -> None:
    front = with_candidate(with_candidate([], candidate(6, best=6)), candidate(3, best=6))
    assert front == [row(3, best=False), row(6, best=True)]
    assert with_candidate(front, candidate(9, best=9)) == [
        row(3, best=False),
        row(6, best=False),
        row(9, best=True),
    ]


def test_a_candidate_that_is_told_again_replaces_its_row() -> None:
    front = with_candidate([], candidate(6, best=6, accuracy=0.8))
    assert with_candidate(front, candidate(6, best=6, accuracy=0.9)) == [row(6, best=True)]


def test_a_polished_one_stays_when_a_job_tells_again_how_it_was_before() -> None:
    front = with_candidate([], candidate(6, best=6, accuracy=0.8))
    front = with_candidate(front, candidate(6, best=6, accuracy=0.9, polished=True))
    assert front == [row(6, best=True, polished=True)]
    assert with_candidate(front, candidate(6, best=6, accuracy=0.8)) == front


def test_the_front_is_in_the_jobs_document_and_stays_there(http: httpx.Client, service: Service) -> None:
    job = upload(http).json()
    assert job["front"] == []
    run = begin(service.jobs, job["id"], 1)
    for fields in (candidate(6, best=6), candidate(9, best=6)):
        run.report(Event(kind="candidate", stage="retrain", progress=0.5, fields=fields))
    run.report(Event(kind="epoch", stage="retrain", progress=0.6))
    shown = [row(6, best=True), row(9, best=False)]
    assert http.get(f"/jobs/{job['id']}").json()["front"] == shown
    assert list(begin(service.jobs, job["id"], 1).job.front) == shown  # the next attempt


@pytest.mark.parametrize("front", [5, "front", [1], [{}], [{"k": "6"}]])
def test_a_front_that_could_not_be_read_is_refused(front: object) -> None:
    document = {"id": "j", "task": "t", "upload": "u", "options": {}, "actor": "a", "created_at": "2026-11-23T00:00:00"}
    assert Job.from_json({**document, "front": [{"k": 6}]}).front == [{"k": 6}]
    with pytest.raises(ValueError, match=r"front is no list|not iterable"):
        Job.from_json({**document, "front": front})
