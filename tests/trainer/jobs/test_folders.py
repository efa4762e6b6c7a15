"""Work folders go with their jobs: a succeeded one's at once, a failed one's when nobody will retry it any more."""

import dataclasses
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from hosting.processes.file_lock import FileLock
from trainer.errors import JobRecordDamaged
from trainer.jobs.folders import LOCK, JobFolders, find_in
from trainer.jobs.job import Job, State
from trainer.jobs.jobs import changed
from trainer.service import Service

NOW = 1_800_000_000.0
ENDED = "2027-01-15T07:00:00.000+00:00"  # an hour before
HOUR = 3600.0


def job(id: str, state: State, ended_at: str | None = ENDED) -> Job:
    made = Job(id=id, task="pets", upload="sha256:0", options={}, actor="ada", created_at="2027-01-01T00:00:00+00:00")
    return dataclasses.replace(made, state=state, ended_at=ended_at)


def folder_of(work: Path, name: str) -> Path:
    folder = work / name
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "checkpoints" / "teacher.pt").write_bytes(bytes(1000))
    (folder / LOCK).touch()
    os.utime(folder, (NOW - HOUR, NOW - HOUR))
    return folder


def folders(work: Path, find: Callable[[str], Job | None], *, kept_hours: float = 1.0) -> JobFolders:
    return JobFolders(work, find, keep_seconds=kept_hours * HOUR, clock=lambda: NOW)


@pytest.mark.parametrize(
    ("found", "kept_hours", "stays"),
    [
        (job("j", "queued", None), 0, True),
        (job("j", "running", None), 0, True),
        (job("j", "succeeded"), 100, False),
        (job("j", "failed"), 1.1, True),
        (job("j", "failed"), 1.0, False),
        (job("j", "cancelled"), 1.1, True),
        (job("j", "cancelled"), 1.0, False),
        (job("j", "failed", None), 1.1, True),  # of an older release: as old as its folder
        (job("j", "failed", None), 1.0, False),
        (None, 1.1, True),
        (None, 1.0, False),
    ],
)
def test_what_stays(tmp_path: Path, found: Job | None, kept_hours: float, *, stays: bool) -> None:
    folder = folder_of(tmp_path, "j")
    freed = folders(tmp_path, lambda _: found, kept_hours=kept_hours).collect()
    assert (folder.exists(), freed) == (stays, 0 if stays else 1000)


def test_one_whose_job_process_lives_stays(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, "j")
    with FileLock(folder / LOCK) as lock:
        assert lock.acquire()
        assert folders(tmp_path, lambda _: job("j", "succeeded")).collect() == 0
    assert folders(tmp_path, lambda _: job("j", "succeeded")).collect() == 1000


def test_one_that_is_retried_in_that_instant_stays(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, "j")
    states = iter([job("j", "failed"), job("j", "queued", None)])
    assert folders(tmp_path, lambda _: next(states)).collect() == 0
    assert (folder / "checkpoints" / "teacher.pt").exists()


def test_one_whose_record_is_damaged_stays_and_the_others_go(tmp_path: Path) -> None:
    def find(name: str) -> Job | None:
        if name == "damaged":
            raise JobRecordDamaged(name, "no JSON")
        return job(name, "failed")

    for name in ("a", "damaged", "z"):
        folder_of(tmp_path, name)
    over = folders(tmp_path, find)
    assert [folder.name for folder in over.ended()] == ["a", "z"]
    assert over.collect() == 2000
    assert [folder.name for folder in tmp_path.iterdir()] == ["damaged"]


def test_without_a_folder_of_folders_there_is_nothing_to_do(tmp_path: Path) -> None:
    assert folders(tmp_path / "nowhere", lambda _: None).collect() == 0


def test_jobs_are_found_where_redis_has_lost_them(service: Service) -> None:
    jobs = service.jobs
    made = jobs.submit("pets", "sha256:" + "0" * 64, {}, actor="ada")
    find = find_in(jobs)
    assert find(made.id) == made
    jobs.store.client.flushall()
    assert find(made.id) == made
    assert find("another") is None
    ended = jobs.store.create(*changed(made, state="cancelled"), lambda _pipeline, _job: None)
    assert find(made.id) == ended
