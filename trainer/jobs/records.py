"""Job records: a file a job beside the blobs, so that Redis is never the only one to know of an accepted upload.

`jobs/{id}.json` is the record; the empty file `jobs/open/{id}` marks those that may still change. A mark is there
before the record of an open job and goes after the record of its end, so whatever a process that died left behind is
marked: to look after jobs costs what is open, not what was.
"""

import json
import logging
import time
from collections.abc import Iterator
from typing import Any

from nettailor.plain_text import check_size
from registry.storage.store import Store
from trainer.errors import JobRecordDamaged, JobRefused
from trainer.jobs.job import Job

logger = logging.getLogger(__name__)

_FOLDER, _MARKS = "jobs", "jobs/open"
_SUFFIX = ".json"
_FORMAT = "nettailor-job/1"
_STALE_SECONDS = 3600.0  # a mark whose record never came: its process died in the milliseconds between the two


class JobRecords:
    """A record is written before an upload is acknowledged, and again at each change of state."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._told: set[str] = set()  # damaged records, each of which is logged once

    def write(self, job: Job) -> None:
        """Raises JobRefused, and writes nothing, for what could not be read back."""
        data, mark = _readable(job), f"{_MARKS}/{job.id}"
        if job.is_open and not self._store.exists(mark):
            self._store.write(mark, b"")
        self._store.write(_key(job.id), data)
        if not job.is_open:
            self._store.delete(mark)

    def ids(self) -> list[str]:
        return [name.removesuffix(_SUFFIX) for name in self._store.names(_FOLDER) if name.endswith(_SUFFIX)]

    def marked_ids(self) -> list[str]:
        """Jobs that are open, or that were when a process died."""
        return self._store.names(_MARKS)

    def read(self, job: str) -> Job:
        """Raises FileNotFoundError, JobRecordDamaged."""
        return _parse(job, self._store.read(_key(job)))

    def text(self, job: str) -> str:
        """The record as JSON, whether or not it is understood. Raises FileNotFoundError, JobRecordDamaged."""
        data = self._store.read(_key(job))
        _document(job, data)
        return data.decode()

    def readable(self, jobs: list[str]) -> Iterator[Job]:
        """Yield those records that are there and can be read; one damaged file must not hide the others."""
        for job in jobs:
            try:
                yield self.read(job)
            except FileNotFoundError:
                self._drop_stale_mark(job)
            except (OSError, JobRecordDamaged) as fault:
                if job not in self._told:
                    logger.error("job %s is left out: %s", job, fault)
                self._told.add(job)

    def _drop_stale_mark(self, job: str) -> None:
        mark = f"{_MARKS}/{job}"
        if self._store.exists(mark) and time.time() - self._store.modified_at(mark) > _STALE_SECONDS:
            self._store.delete(mark)


def _key(job: str) -> str:
    return f"{_FOLDER}/{job}{_SUFFIX}"


def _readable(job: Job) -> bytes:
    """The job's record, which was read as a reader will. Raises JobRefused."""
    try:
        document = {"format": _FORMAT, "job": job.to_json()}
        data = check_size(json.dumps(document, sort_keys=True, allow_nan=False).encode())
        _parse(job.id, data)
    except (ValueError, JobRecordDamaged) as fault:
        raise JobRefused(str(fault)) from fault
    return data


def _parse(job: str, data: bytes) -> Job:
    try:
        found = Job.from_json(_document(job, data)["job"])
    except (ValueError, KeyError) as fault:
        raise JobRecordDamaged(job, str(fault)) from fault
    if found.id != job:
        raise JobRecordDamaged(job, f"it is that of job {found.id!r}")
    return found


def _document(job: str, data: bytes) -> dict[str, Any]:
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as fault:
        raise JobRecordDamaged(job, f"not JSON: {fault}") from fault
    if not isinstance(document, dict) or document.get("format") != _FORMAT:
        raise JobRecordDamaged(job, f"not a {_FORMAT}")
    return document
