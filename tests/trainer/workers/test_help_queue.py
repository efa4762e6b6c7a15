"""How a running job calls idle workers, on a real Redis; the workers are registered and do nothing."""

from collections.abc import Callable
from pathlib import Path

import pytest
import redis
from rq.executions import Execution
from rq.job import JobStatus

from hosting.processes.file_lock import FileLock
from tests.trainer.jobs.runs import start
from trainer.errors import JobFolderLocked
from trainer.jobs.job import Job
from trainer.jobs.queue import job_of
from trainer.service import Service
from trainer.settings import Settings
from trainer.workers.help_queue import JobHelpers, help_queue_name, helped_submission, is_help
from trainer.workers.worker import TrainerWorker

Born = Callable[..., TrainerWorker]


def submit(service: Service) -> Job:
    return service.jobs.submit("pets", "sha256:" + "0" * 64, {}, actor="ada")


@pytest.fixture
def born(settings: Settings, redis_client: "redis.Redis") -> Born:
    """Registers a worker, which needs no process."""

    def registered(name: str, settings: Settings = settings) -> TrainerWorker:
        worker = TrainerWorker.of(settings, redis_client, name=name)
        worker.register_birth()  # type: ignore[no-untyped-call]  # RQ has not typed it
        return worker

    return registered


@pytest.fixture
def job(service: Service) -> Job:
    """A job that runs."""
    submitted = submit(service)
    start(service.jobs, submitted, "own")
    return submitted


@pytest.fixture
def helpers(service: Service, settings: Settings, job: Job, born: Born) -> JobHelpers:
    born("own")
    found = JobHelpers.of(settings, service.jobs.queue, job)
    assert found is not None
    return found


def called(helpers: JobHelpers) -> list[str]:
    return helpers._queue.get_job_ids()


def test_nobody_is_called_where_there_is_nobody_else(helpers: JobHelpers) -> None:
    assert not helpers.may_come()
    helpers.call(3)
    assert called(helpers) == []


def test_as_many_are_called_as_there_are_others_once(helpers: JobHelpers, job: Job, born: Born) -> None:
    born("second")
    born("third")
    assert helpers.may_come()
    helpers.call(1)
    assert [job_of(helped_submission(id)) for id in called(helpers)] == [(job.id, 1)]
    assert all(map(is_help, called(helpers)))
    helpers.call(5)
    helpers.call(5)
    assert len(called(helpers)) == 2
    helpers.dismiss()
    assert called(helpers) == []
    helpers.call(1)
    assert len(called(helpers)) == 1


def test_workers_of_another_folder_and_those_that_do_not_help_are_not_counted(
    helpers: JobHelpers, born: Born, settings: Settings, tmp_path: Path
) -> None:
    elsewhere = settings.model_copy(update={"data_dir": tmp_path / "elsewhere"})
    assert help_queue_name(elsewhere.work_dir) != help_queue_name(settings.work_dir)
    born("elsewhere", elsewhere)
    born("unwilling", settings.model_copy(update={"worker_helps": False}))
    assert not helpers.may_come()


def test_without_its_lock_a_folder_is_given_no_id_and_a_job_goes_on_alone(
    service: Service, settings: Settings, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trainer.workers.help_queue._ID_PATIENCE_SECONDS", 0.0)
    path = settings.work_dir / "id"
    with FileLock(settings.work_dir / "id.lock") as lock:
        assert lock.acquire()
        with pytest.raises(JobFolderLocked, match=r"id\.lock"):
            help_queue_name(settings.work_dir)
        assert JobHelpers.of(settings, service.jobs.queue, job) is None
        assert not path.exists()
        path.write_text("a1")  # whoever has the lock gives it one
        assert help_queue_name(settings.work_dir) == "tailoring-help-a1"


def test_while_jobs_wait_nobody_helps(helpers: JobHelpers, service: Service, born: Born) -> None:
    born("second")
    submit(service)
    assert not helpers.may_come()


def taken(helpers: JobHelpers, worker: str, status: JobStatus) -> str:
    """The helper that was called, once that worker has begun with it."""
    (id,) = called(helpers)
    found = helpers._fetch(id)
    assert found is not None
    helpers._queue.remove(id)
    with helpers._client.pipeline() as pipeline:
        Execution.create(found, ttl=60, pipeline=pipeline, worker_name=worker)
        pipeline.execute()
    found.worker_name = worker
    found.set_status(status)
    found.save()
    return id


def test_whoever_lives_is_not_called_twice_and_in_place_of_the_dead_another_is(
    helpers: JobHelpers, redis_client: "redis.Redis", born: Born
) -> None:
    second = born("second")
    helpers.call(1)
    id = taken(helpers, second.name, JobStatus.STARTED)
    helpers.call(1)
    assert called(helpers) == []
    redis_client.delete(second.key)
    born("third")
    helpers.call(1)
    assert called(helpers) == [id]
    helpers.dismiss()
    assert [key for key in redis_client.keys("rq:*") if b"help1" in key] == []


@pytest.mark.parametrize("stopped", [False, True])
def test_who_has_failed_is_not_called_again_unless_the_worker_was_stopped(
    helpers: JobHelpers, service: Service, job: Job, born: Born, *, stopped: bool
) -> None:
    before = service.jobs.store.get(job.id)
    second = born("second")
    helpers.call(1)
    id = taken(helpers, "second", JobStatus.STARTED)
    found = helpers._fetch(id)
    assert found is not None
    second._returning = stopped
    second.handle_job_failure(found, helpers._queue)
    helpers.call(1)
    assert called(helpers) == [id] * stopped
    assert service.jobs.store.get(job.id) == before
