"""`nettailor doctor` on what nobody uses any more and still takes room in the data folder. Nothing is deleted by it."""

import contextlib
import time
from collections.abc import Iterator

from cli.doctor.finding import Finding, ok
from hosting.disk.leftovers import size_of
from registry.storage.store import Store
from trainer.jobs.folders import JobFolders
from trainer.jobs.job import Job
from trainer.jobs.records import JobRecords
from trainer.settings import Settings
from trainer.wiring import left_files

_MIB = 2**20


def leftovers(settings: Settings) -> Iterator[Finding]:
    records = JobRecords(Store(settings.blobs_location))

    def find(job: str) -> Job | None:
        with contextlib.suppress(FileNotFoundError):
            return records.read(job)
        return None

    folders = JobFolders(settings.work_dir, find, keep_seconds=settings.keep_failed_jobs_seconds)
    kept = [size_of(folder) for folder in folders.ended()]
    left = [file.size_bytes for file in left_files(settings, now=time.time())]
    yield ok(
        "leftovers",
        f"{_weight(kept)} folders of ended jobs, which stay {settings.keep_failed_jobs_days:g} days;"
        f" {_weight(left)} files of killed processes, which a service removes",
    )


def _weight(sizes: list[int]) -> str:
    return f"{sum(sizes) / _MIB:,.1f} MiB in {len(sizes)}"
