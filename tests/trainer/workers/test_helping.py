"""A job that an idle worker helps with, killed in between or not, ends with the bundle of one that had no help."""

import httpx
import psutil
import pytest

from tests.processes.liveness import is_gone
from tests.trainer.workers.states import in_state
from tests.trainer.workers.stopping_workers import Start, kill, stopped_job_process
from tests.trainer.workers.tiny_job import submit, tiny_digest
from tests.waiting import until
from trainer.service import Service

FOLDS = 2


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> str:
    return tiny_digest(tmp_path_factory.mktemp("alone"), folds=FOLDS)


def helped(
    http: httpx.Client, service: Service, start: Start
) -> tuple[str, psutil.Popen, psutil.Popen, psutil.Process]:
    """A job, its worker, and another one, whose process helps and has stopped after its first epoch. The job waits in
    its first training until that is so: else it may be over before the other process has imported all it needs."""
    own = start("start teacher", TINY_FOLDS=str(FOLDS))
    job = submit(http)
    process = stopped_job_process(own)
    other = start("helping", TINY_FOLDS=str(FOLDS))
    until(lambda: service.jobs.queue.living_workers() == 2, "the other worker is there")
    process.resume()
    process = stopped_job_process(own)
    helper = stopped_job_process(other)
    process.resume()
    return job, own, other, helper


def assert_same(service: Service, job: str, digest: str, *, attempt: int = 1) -> None:
    ended = in_state(service, job, "succeeded", "failed")
    assert ended.result is not None, ended.error
    assert (ended.result["digest"], ended.attempt) == (digest, attempt)


def helped_epochs(service: Service, job: str) -> int:
    return sum("helped" in entry.event.fields for entry in service.jobs.store.events(job))


def test_what_a_killed_helper_leaves_is_finished(
    http: httpx.Client, service: Service, start: Start, alone: str
) -> None:
    job, own, other, _ = helped(http, service, start)
    kill(other)
    assert_same(service, job, alone)
    assert helped_epochs(service, job) > 0
    assert own.is_running()


@pytest.mark.nightly
def test_an_idle_worker_helps_until_another_job_comes(
    http: httpx.Client, service: Service, start: Start, alone: str
) -> None:
    job, _, other, helper = helped(http, service, start)
    second = submit(http, "&method=features")
    helper.resume()
    until(lambda: is_gone(helper), "the helper goes")
    assert in_state(service, second, "succeeded", "failed").state == "succeeded"
    assert_same(service, job, alone)
    assert helped_epochs(service, job) > 0
    assert other.is_running()


@pytest.mark.nightly
def test_a_killed_job_process_whose_helper_lives(
    http: httpx.Client, service: Service, start: Start, alone: str
) -> None:
    """The helper goes for the job that waits again, and its worker takes it."""
    job, own, _, helper = helped(http, service, start)
    kill(own)
    helper.resume()
    assert_same(service, job, alone, attempt=2)


@pytest.mark.nightly
def test_help_ends_with_a_job_that_is_cancelled(http: httpx.Client, service: Service, start: Start) -> None:
    job, own, other, helper = helped(http, service, start)
    assert http.post(f"/jobs/{job}/cancel").json()["state"] == "cancelled"
    until(lambda: is_gone(helper), "the helper is killed")
    until(lambda: not own.children() and not other.children(), "nobody works on it any more")
    assert own.is_running()
    assert other.is_running()
