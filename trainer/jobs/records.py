"""Job records: a file a job beside the blobs, so that Redis is never the only one to know of an accepted upload."""

import json
import logging
from collections.abc import Iterator

from registry.storage.store import Store
from trainer.jobs.job import Job

logger = logging.getLogger(__name__)

_FOLDER = "jobs"
_SUFFIX = ".json"


class JobRecords:
    """A record is written before an upload is acknowledged, and again at each change of state."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def write(self, job: Job) -> None:
        document = {"format": "nettailor-job/1", "job": job.to_json()}
        self._store.write(f"{_FOLDER}/{job.id}{_SUFFIX}", json.dumps(document, sort_keys=True).encode())

    def ids(self) -> list[str]:
        return [name.removesuffix(_SUFFIX) for name in self._store.names(_FOLDER) if name.endswith(_SUFFIX)]

    def read(self, job: str) -> Job:
        """Raises FileNotFoundError, ValueError."""
        document = json.loads(self._store.read(f"{_FOLDER}/{job}{_SUFFIX}"))
        try:
            return Job.from_json(document["job"])
        except (TypeError, KeyError) as fault:
            raise ValueError(f"job record {job} is not one: {fault}") from fault

    def readable(self, jobs: list[str]) -> Iterator[Job]:
        """Yield those records that can be read; one damaged file must not hide the others."""
        for job in jobs:
            try:
                yield self.read(job)
            except (OSError, ValueError) as fault:
                logger.error("job record %s cannot be read: %s", job, fault)
