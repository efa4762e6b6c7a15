"""Whose job is next: priorities, and how many of an actor's jobs run at a time, on a real Redis."""

import httpx
import pytest
from rq.exceptions import DequeueTimeout
from rq.executions import Execution
from rq.job import JobStatus
from rq.serializers import JSONSerializer

from tests.trainer.jobs.runs import dead_worker, start
from tests.trainer.uploads import upload
from tests.trainer.workers.stopping_workers import starting, stopped_job_process
from tests.waiting import until
from trainer.jobs.dequeue import queue_class
from trainer.jobs.job import Job, Priority
from trainer.jobs.jobs import Jobs
from trainer.jobs.queue import JobQueue, job_of
from trainer.service import Service
from trainer.settings import Settings
from trainer.wiring import reconciler_of


def submit(jobs: Jobs, priority: Priority = "normal", actor: str = "ada") -> Job:
    return jobs.submit("pets", "sha256:" + "0" * 64, {}, actor=actor, priority=priority)


def taken(queue: JobQueue, runs_per_actor: int | None = None) -> str | None:
    """The job that a worker would run next; it is under way from now on."""
    kind = queue_class(runs_per_actor)
    queues = list(queue.queues.values())
    found = kind.dequeue_any(queues, None, queue.client, job_class=None, serializer=JSONSerializer)
    return None if found is None else job_of(found[0].id)[0]


def begun(queue: JobQueue, job: Job) -> Execution:
    """What worker and job process do when they start the run of a job that was taken."""
    submission = queue.find(job)
    assert submission is not None
    with queue.client.pipeline() as pipeline:
        execution = Execution.create(submission, ttl=60, pipeline=pipeline, worker_name="w")
        submission.set_status(JobStatus.STARTED, pipeline=pipeline)
        pipeline.lrem(queue.queue_of(submission).intermediate_queue_key, 1, submission.id)
        pipeline.execute()
    return execution


def test_by_priority_then_in_the_order_of_their_coming(service: Service) -> None:
    jobs = service.jobs
    low, first, second, high = (submit(jobs, priority) for priority in ("low", "normal", "normal", "high"))
    expected = [high.id, first.id, second.id, low.id]
    assert [job_of(submission)[0] for submission in jobs.queue.waiting_ids()] == expected
    assert [taken(jobs.queue) for _ in range(5)] == [*expected, None]
    strays = {priority: queue.intermediate_queue.get_job_ids() for priority, queue in jobs.queue.queues.items()}
    assert strays == {"high": [f"{high.id}-1"], "normal": [f"{first.id}-1", f"{second.id}-1"], "low": [f"{low.id}-1"]}
    with pytest.raises(DequeueTimeout):
        queue_class(None).dequeue_any(list(jobs.queue.queues.values()), 1, jobs.queue.client)


def test_an_interrupted_job_waits_before_all_others_of_its_priority(service: Service, settings: Settings) -> None:
    jobs = service.jobs
    broken, other, high = submit(jobs), submit(jobs), submit(jobs, "high")
    dead_worker(settings, "w")
    start(jobs, broken, "w")
    reconciler_of(settings, jobs).reconcile()
    assert [taken(jobs.queue) for _ in range(3)] == [high.id, broken.id, other.id]


def test_those_come_back_first_that_had_begun_when_redis_lost_everything(service: Service) -> None:
    jobs = service.jobs
    waiting, running, later = (submit(jobs) for _ in range(3))
    start(jobs, running, "w")
    jobs.store.client.flushall()
    assert jobs.recover() == 3
    assert [taken(jobs.queue) for _ in range(3)] == [running.id, waiting.id, later.id]


def test_an_actors_jobs_wait_while_as_many_as_may_run_do(service: Service) -> None:
    jobs = service.jobs
    ada, adas_urgent, bob = submit(jobs), submit(jobs, "high"), submit(jobs, "low", actor="bob")
    assert taken(jobs.queue, 1) == adas_urgent.id  # under way, if only just
    run = begun(jobs.queue, adas_urgent)
    assert [taken(jobs.queue, 1) for _ in range(2)] == [bob.id, None]
    jobs.queue.forget_run(jobs.queue.client, run.composite_key)
    assert [taken(jobs.queue, 1) for _ in range(2)] == [ada.id, None]


def test_two_workers_run_one_job_of_each_actor(http: httpx.Client, service: Service, settings: Settings) -> None:
    """Real workers, whose job processes stay where they begin."""
    actors = ("ada", "ada", "bob")
    first, second, bobs = (upload(http, headers={"X-Actor": actor}).json()["id"] for actor in actors)
    with starting(settings) as start_worker:
        for _ in range(2):
            stopped_job_process(start_worker("start", NETTAILOR_JOBS_RUNNING_PER_USER="1"))
        under_way = {job_of(run.partition(":")[0])[0] for run, _ in service.jobs.queue.started_runs()}
        assert under_way == {first, bobs}
        assert service.jobs.queue.waiting_ids() == [f"{second}-1"]
        http.post(f"/jobs/{first}/cancel")
        until(lambda: not service.jobs.queue.waiting_ids(), "the next one's turn comes")


def test_a_document_that_lua_cannot_read_stops_nobody(service: Service) -> None:
    """Of an older release, which kept half a character in it."""
    jobs = service.jobs
    bad, other = submit(jobs), submit(jobs, actor="bob")
    jobs.store.client.hdel(f"nettailor:job:{bad.id}", "actor")
    jobs.store.client.hset(f"nettailor:job:{bad.id}", "document", '{"actor":"\\ud800"}')
    assert [taken(jobs.queue, 1) for _ in range(2)] == [bad.id, other.id]
