"""The work folders of jobs on this machine: a failed or cancelled job's is kept for a while, because a retry goes on
from what is in it; a succeeded job's is not."""

import contextlib
import logging
import shutil
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

from hosting.disk.leftovers import size_of
from hosting.processes.file_lock import FileLock
from trainer.errors import JobRecordDamaged
from trainer.jobs.job import Job
from trainer.jobs.jobs import Jobs

logger = logging.getLogger(__name__)

LOCK = "lock"  # in a job's folder; held by the job process that works there


class JobFolders:
    """`find` knows the jobs; what it knows nothing of counts as failed when its folder was last changed."""

    def __init__(
        self,
        folder: Path,
        find: Callable[[str], Job | None],
        *,
        keep_seconds: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._folder = folder
        self._find = find
        self._keep_seconds = keep_seconds
        self._clock = clock

    def collect(self) -> int:
        """Remove what nobody will need; returns how many bytes that freed. Raises QueueUnavailable."""
        return sum(self._remove(folder) for folder in self._all() if self._is_over(folder))

    def ended(self) -> Iterator[Path]:
        """The folders of jobs that are not open, whether kept or to be removed."""
        for folder in self._all():
            with contextlib.suppress(JobRecordDamaged):
                job = self._find(folder.name)
                if job is None or not job.is_open:
                    yield folder

    def _all(self) -> list[Path]:
        if not self._folder.is_dir():
            return []
        return sorted(path for path in self._folder.iterdir() if path.is_dir() and not path.is_symlink())

    def _is_over(self, folder: Path) -> bool:
        try:
            return self._may_go(self._find(folder.name), folder)
        except JobRecordDamaged as fault:  # its record is damaged: it might still be needed
            logger.warning("the folder of job %s stays: %s", folder.name, fault)
            return False
        except FileNotFoundError:  # another process has removed it meanwhile
            return False

    def _may_go(self, job: Job | None, folder: Path) -> bool:
        if job is not None and job.is_open:
            return False
        if job is not None and job.state == "succeeded":
            return True
        return self._clock() - _ended_at(job, folder) >= self._keep_seconds

    def _remove(self, folder: Path) -> int:
        with FileLock(folder / LOCK) as lock:
            if not lock.acquire() or not self._is_over(folder):  # a retry has begun meanwhile
                return 0
            freed = size_of(folder)
            shutil.rmtree(folder)
            return freed


def find_in(jobs: Jobs) -> Callable[[str], Job | None]:
    """Looks a job up in Redis, and where that has lost it in its record. Raises JobRecordDamaged."""

    def find(job: str) -> Job | None:
        found = jobs.store.find(job)
        if found is None:
            with contextlib.suppress(FileNotFoundError):
                found = jobs.records.read(job)
        return found

    return find


def _ended_at(job: Job | None, folder: Path) -> float:
    if job is None or job.ended_at is None:
        return folder.stat().st_mtime
    return datetime.fromisoformat(job.ended_at).timestamp()
