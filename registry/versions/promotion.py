"""What must hold before an alias may name a version: its bundle is there, and it passes the task's policy."""

from registry.errors import BlobMissing
from registry.journal.index import Index
from registry.policy.policy import Policy
from registry.policy.policy_check import Evidence, Measurement, judge
from registry.storage.blobs import Blobs


def check_blob(index: Index, blobs: Blobs, task: str, version: int) -> None:
    """Raises `BlobMissing`."""
    record = index.published(task, version)
    if record is not None and not blobs.exists(record.digest):
        raise BlobMissing(record.digest)


def policy_evidence(
    index: Index,
    task: str,
    version: int,
    *,
    live: int | None,
    policy: Policy | None,
    measured: Measurement | None,
) -> Evidence | None:
    """How the version does against the policy and the live version (None: nothing is live); None without a policy.

    What is read here belongs to the moment that is decided on: had anything changed since, the record's number would be
    taken, and the decision made again.
    """
    candidate = index.published(task, version)
    if policy is None or candidate is None:
        return None
    return judge(policy, candidate, None if live is None else index.published(task, live), measured)
