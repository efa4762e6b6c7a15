"""Bundles that jobs stand on before there is a version to say so: whoever keeps the jobs writes that beside them, in
Redis, in the transaction that changes the job. The registry knows no jobs, and deletes nothing that is claimed.

Key: `claims`, a hash of the job -> its Claim as JSON.
"""

import dataclasses
import json
from dataclasses import dataclass
from typing import Any

import redis

from registry.journal.index import PREFIX, availability


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A job's, which will give its task a version that stands on a bundle."""

    job: str
    task: str
    digest: str  # of the bundle


class Claims:
    def __init__(self, client: "redis.Redis", *, prefix: str = PREFIX) -> None:
        self._redis: Any = client  # redis-py types every answer as "maybe awaitable"
        self._key = f"{prefix}claims"

    def put(self, pipeline: Any, claim: Claim) -> None:
        pipeline.hset(self._key, claim.job, json.dumps(dataclasses.asdict(claim)))

    def drop(self, pipeline: Any, job: str) -> None:
        pipeline.hdel(self._key, job)

    def all(self) -> list[Claim]:
        """By job. Raises `IndexUnavailable`."""
        with availability():
            texts = self._redis.hvals(self._key)
        return sorted((Claim(**json.loads(text)) for text in texts), key=lambda claim: claim.job)
