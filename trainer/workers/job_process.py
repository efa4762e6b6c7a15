"""`python -m trainer.workers.job_process`: a fresh process for one run of one job; RQ calls it the work-horse.

It is spawned, not forked (OpenMP and CUDA do not survive a fork), and learns from plain arguments which job to run: no
pickle, and no password on the command line. It dies with its worker, so that no run goes on unwatched.
"""

import sys
from importlib import import_module

from rq.executions import Execution
from rq.job import Job
from rq.serializers import JSONSerializer

from hosting.processes.garbage import kept_imports
from hosting.processes.parent_death import die_with
from hosting.processes.yielding import yield_processor
from hosting.telemetry import tracing
from hosting.telemetry.logs import configure_logs
from registry.wiring import connect
from trainer.settings import Settings
from trainer.workers.rq_log import configure_rq_log, ends_in_a_line
from trainer.workers.worker import TrainerWorker


def main(arguments: list[str]) -> None:
    """Arguments: pid and name of the worker, ids of submission and execution. Never returns."""
    parent, worker_name, submission, execution_id = int(arguments[0]), *arguments[1:4]
    die_with(parent)
    settings = Settings()
    yield_processor(settings.job_niceness)
    configure_logs(settings)
    configure_rq_log()
    tracing.start(settings, "worker")
    assert settings.redis_url is not None  # the worker passes it on
    with ends_in_a_line():
        client = connect(settings.redis_url)
        worker = TrainerWorker.of(settings, client, name=worker_name, in_job_process=True)
        job = Job.fetch(submission, connection=client, serializer=JSONSerializer)
        worker.execution = Execution.fetch(execution_id, submission, connection=client)
        queue = worker.queue_of(job)
        worker.queues = [queue]  # only of a worker with one queue RQ removes what has begun from the intermediate list
        with kept_imports():
            import_module(str(job.func_name).rpartition(".")[0])  # torch and the recipe; RQ would import it
        worker.main_work_horse(job, queue)


if __name__ == "__main__":
    main(sys.argv[1:])
