"""Waiting for the state of a job."""

from tests.waiting import until
from trainer.jobs.job import Job
from trainer.service import Service


def in_state(service: Service, job: str, *states: str) -> Job:
    found = until(
        lambda: (j := service.jobs.store.get(job)).state in states and j, f"{job} is {states}", pause_seconds=0.1
    )
    assert isinstance(found, Job)
    return found
