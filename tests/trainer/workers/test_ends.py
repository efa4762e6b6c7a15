"""How jobs end that do not end by themselves: cancelled in any stage, dead on every attempt, far over their time."""

import os
import time

import httpx
import psutil
import pytest
import rq
from rq.timeouts import HorseMonitorTimeoutException

from tests.bundles import tiny_bytes
from tests.processes.liveness import is_gone
from tests.trainer.workers.states import in_state
from tests.trainer.workers.stopping_workers import Start, stopped_job_process
from tests.trainer.workers.tiny_job import STAGES, submit
from tests.waiting import until
from trainer.jobs.reconcile import _LOCK as RECONCILING
from trainer.service import Service
from trainer.workers.worker import TrainerWorker

SECONDS = 10.0  # "within seconds", on a machine with much else to do


def stopped_in(service: Service, job: str, worker: psutil.Popen, place: str) -> psutil.Process:
    """The job process, stopped at this place; those before it are passed."""
    process = stopped_job_process(worker)
    while place != "start" and service.jobs.store.get(job).stage != place:
        process.resume()
        process = stopped_job_process(worker)
    return process


def cancel_in(http: httpx.Client, service: Service, start: Start, places: tuple[str, ...]) -> str:
    """A job is cancelled at each place and taken up again. A stopped process is as deaf as a busy one can be."""
    worker = start(" ".join(places))
    job = submit(http)
    for place in places:
        process = stopped_in(service, job, worker, place)
        began = time.monotonic()
        assert http.post(f"/jobs/{job}/cancel").json()["state"] == "cancelled"
        until(lambda: is_gone(process), "the job process is killed")  # noqa: B023  (called before the next round)
        assert time.monotonic() - began < SECONDS
        assert http.post(f"/jobs/{job}/retry").status_code == 202
    return job


def test_cancelled_before_it_began_and_in_its_stages(http: httpx.Client, service: Service, start: Start) -> None:
    cancel_in(http, service, start, ("start", "intake"))


@pytest.mark.nightly
def test_cancelled_in_every_stage(http: httpx.Client, service: Service, start: Start) -> None:
    cancel_in(http, service, start, ("start", *STAGES[:-1]))


def publish_by_hand(service: Service, seed: int) -> None:
    service.registry.publish("pets", tiny_bytes(task="pets", seed=seed), actor="ann")


def delete_in(http: httpx.Client, service: Service, start: Start, places: tuple[str, ...]) -> None:
    """The task of a job is deleted at each place; all that the trainer sees of it is the task's history."""
    worker = start(" ".join(places))
    for place in places:
        publish_by_hand(service, len(place))  # the task is made anew
        job = submit(http)
        process = stopped_in(service, job, worker, place)
        made = [record.job for record in service.registry.versions("pets")]
        assert made == ([None, job] if place == "publish" else [None])
        service.registry.delete_task("pets", actor="ann", reason="over")
        cancelled = in_state(service, job, "cancelled", "failed", "succeeded")
        assert cancelled.error is not None
        assert (cancelled.state, cancelled.error["title"]) == ("cancelled", "task was deleted")
        until(lambda: is_gone(process), "the job process is killed")  # noqa: B023  (called before the next round)
        assert service.registry.tasks() == []


def test_cancelled_if_its_task_is_deleted_before_it_began_and_when_all_is_done(
    http: httpx.Client, service: Service, start: Start
) -> None:
    delete_in(http, service, start, ("start", "publish"))


@pytest.mark.nightly
def test_cancelled_in_every_stage_if_its_task_is_deleted(http: httpx.Client, service: Service, start: Start) -> None:
    delete_in(http, service, start, STAGES)


def test_what_is_done_when_its_task_is_deleted_is_not_published(
    http: httpx.Client, service: Service, start: Start
) -> None:
    """Nobody looks at the open jobs meanwhile, so the job goes on to its end."""
    publish_by_hand(service, 0)
    worker = start("select")
    job = submit(http)
    process = stopped_job_process(worker)
    until(lambda: service.jobs.store.client.set(RECONCILING, 1, nx=True), "no round is under way")
    service.registry.delete_task("pets", actor="ann", reason="over")
    process.resume()
    failed = in_state(service, job, "cancelled", "failed", "succeeded")
    assert failed.error is not None
    assert (failed.state, failed.stage, failed.attempt) == ("failed", "publish", 1)
    assert (failed.error["status"], failed.error["title"]) == (409, "task was deleted")
    assert service.registry.tasks() == []
    assert http.post(f"/jobs/{job}/retry").status_code == 409
    assert 'nettailor_job_failures_total{reason="TaskWasDeleted"} 1.0' in http.get("/metrics").text


def test_what_dies_of_a_signal_each_time_fails_with_the_reason_and_those_of_high_priority_first(
    http: httpx.Client, service: Service, start: Start
) -> None:
    low, high = (submit(http, f"&priority={priority}") for priority in ("low", "high"))
    assert [job["priority"] for job in http.get("/jobs").json()] == ["high", "low"]
    start("start", TINY_END="segv")
    ended = {job: in_state(service, job, "failed") for job in (low, high)}
    for job in ended.values():
        assert job.error is not None
        assert (job.error["type"], job.error["status"]) == ("urn:nettailor:problem:job-died", 500)
        assert "killed by signal 11 (SIGSEGV)" in str(job.error["reason"])
    assert str(ended[high].ended_at) < str(ended[low].ended_at)
    log = http.get(f"/jobs/{high}/logs").text
    assert log.count("Fatal Python error: Segmentation fault") == 2
    assert 'nettailor_job_failures_total{reason="JobDied"} 2.0' in http.get("/metrics").text


@pytest.mark.nightly
def test_what_runs_out_of_memory_says_so(http: httpx.Client, service: Service, start: Start) -> None:
    job = submit(http)
    start("intake", TINY_END="memory")
    failed = in_state(service, job, "failed")
    assert failed.error is not None
    assert str(failed.error["reason"]).startswith("out of memory: ")
    assert failed.attempt == 2


def test_what_takes_more_memory_than_a_job_may_is_stopped_for_good(
    http: httpx.Client, service: Service, start: Start
) -> None:
    """A job process takes more than a megabyte before it has done anything."""
    job = submit(http)
    worker = start("start", NETTAILOR_JOB_MEMORY_BYTES=str(1 << 20))
    failed = in_state(service, job, "failed")
    assert failed.error is not None
    assert failed.error["type"] == "urn:nettailor:problem:job-memory-exceeded"
    assert str(failed.error["detail"]).startswith("the job needed more than 1 MiB of memory, and was stopped")
    assert failed.attempt <= 1
    until(lambda: service.jobs.records.read(job).state == "failed", "the record says so, too")
    assert worker.is_running()
    assert 'nettailor_job_failures_total{reason="JobMemoryExceeded"} 1.0' in http.get("/metrics").text


def test_what_takes_much_longer_than_it_was_given_is_stopped(
    http: httpx.Client, service: Service, start: Start
) -> None:
    job = service.jobs.submit("pets", "sha256:" + "0" * 64, {"max_minutes": 0.001}, actor="ada")
    worker = start("start", TINY_OVERRUN_MINUTES="0.01")
    failed = in_state(service, job.id, "failed")
    assert failed.error is not None
    assert failed.error["type"] == "urn:nettailor:problem:job-overran"
    until(lambda: not worker.children(), "the job process is killed")
    assert worker.is_running()
    assert service.jobs.records.read(job.id).state == "failed"


@pytest.mark.parametrize("last_words", ["exit 3", "kill -SEGV $$", "exit 0"])
def test_how_a_job_process_ended_is_known_though_a_timer_interrupts_the_reading(
    last_words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ["/bin/sh", "-c", last_words]
    expected = os.waitpid(os.posix_spawn("/bin/sh", arguments, {}), 0)[1]
    fetch = rq.Worker.wait_for_horse

    def fetch_and_lose(worker: rq.Worker) -> None:
        fetch(worker)
        monkeypatch.setattr(rq.Worker, "wait_for_horse", fetch)
        raise HorseMonitorTimeoutException

    worker = TrainerWorker.__new__(TrainerWorker)
    worker._horse_pid = os.posix_spawn("/bin/sh", arguments, {})
    monkeypatch.setattr(rq.Worker, "wait_for_horse", fetch_and_lose)
    with pytest.raises(HorseMonitorTimeoutException):
        worker.wait_for_horse()
    found = worker.wait_for_horse()
    assert (found[1] or 0) & ~0x80 == expected & ~0x80  # a core may be dumped or not
    worker._oom_kills = 0
    worker.handle_work_horse_killed(None, *found)  # type: ignore[arg-type]  # the job is not looked at
    assert worker._death
