"""Which version a tailoring of method packnet stands on: decided once a job, when it begins at the latest."""

from pathlib import Path

from nettailor.bundle.bundle import Bundle
from nettailor.errors import BundleWrongBackbone, ChainLinkMissing
from registry.errors import BlobCorrupt, BlobMissing
from registry.journal.records import VersionRecord
from registry.registry import Registry
from registry.versions.chains import check_predecessor, newest_packed, read_linked
from trainer.jobs.job import Job
from trainer.jobs.option_checks import predecessor_of
from trainer.jobs.options import TailorOptions
from trainer.recipe.timing.decision_log import DecisionLog

_DECISION = "stands_on"


def find_predecessor(
    options: TailorOptions, job: Job, fingerprint: str, registry: Registry, checkpoints: Path
) -> str | None:
    """Digest of the bundle that the job's version will stand on; None for the first of a chain. A job that goes on
    after a break stands on what it began with, and one that named it, on what that was when it was submitted.

    Raises OptionsInvalid.
    """

    def decide() -> str | None:
        return job.stands_on or _digest(_predecessor(options, job.task, fingerprint, registry))

    digest: str | None = DecisionLog(checkpoints / "decisions.json").made(_DECISION, decide)
    return digest


def read_chain(digest: str | None, task: str, fingerprint: str, registry: Registry) -> tuple[Bundle, ...]:
    """The bundles that the task will stand on, the first one first.

    Raises `PredecessorUnknown`, `BundleWrongBackbone` and `ChainInvalid` (nettailor).
    """
    if digest is None:
        return ()
    check_predecessor(registry.index, task, digest)  # a job may be queued again after it was deleted
    try:
        last = read_linked(registry.blobs.read(digest), registry.blobs.read)
    except (BlobMissing, BlobCorrupt) as fault:
        raise ChainLinkMissing(digest) from fault
    if last.manifest.backbone.fingerprint != fingerprint:
        raise BundleWrongBackbone(fingerprint, last.manifest.backbone.fingerprint)
    return (*last.chain, last)


def _predecessor(options: TailorOptions, task: str, fingerprint: str, registry: Registry) -> VersionRecord | None:
    """By default the newest one of another task: the same images again do not stand on what they gave before."""
    if options.after is not None:
        return predecessor_of(options.after, registry)
    return newest_packed(registry.index, fingerprint=fingerprint, besides=task)


def _digest(record: VersionRecord | None) -> str | None:
    return None if record is None else record.digest
