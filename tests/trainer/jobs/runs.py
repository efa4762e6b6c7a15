"""Runs of jobs that nobody carries out: what workers leave in Redis and beside it."""

from rq.executions import Execution
from rq.job import JobStatus

from hosting.processes.file_lock import FileLock
from trainer.jobs.job import Job
from trainer.jobs.jobs import Jobs
from trainer.jobs.reconcile import lock_path
from trainer.settings import Settings
from trainer.workers.job_run import begin


def start(jobs: Jobs, job: Job, worker: str) -> None:
    """What a worker and its job process do up to the first event of the run."""
    queue = jobs.queue.queue_of(jobs.queue.find(job))
    submission = jobs.queue.find(job)
    assert submission is not None
    jobs.store.client.lrem(queue.key, 0, submission.id)
    with queue.connection.pipeline() as pipeline:
        Execution.create(submission, ttl=60, pipeline=pipeline, worker_name=worker)
        submission.set_status(JobStatus.STARTED, pipeline=pipeline)
        pipeline.execute()
    begin(jobs, job.id, job.submission)


def dead_worker(settings: Settings, name: str) -> None:
    with FileLock(lock_path(settings.worker_locks_dir, name)) as lock:
        assert lock.acquire()
