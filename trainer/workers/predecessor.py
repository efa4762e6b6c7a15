"""Which version a tailoring of method packnet stands on: decided once a job, when it begins."""

from pathlib import Path

from nettailor.bundle.bundle import Bundle
from nettailor.errors import BundleWrongBackbone, ChainLinkMissing
from registry.errors import BlobCorrupt, BlobMissing
from registry.journal.records import VersionRecord
from registry.registry import Registry
from registry.versions.chains import newest_packed, read_linked
from trainer.jobs.option_checks import predecessor_of
from trainer.jobs.options import TailorOptions
from trainer.recipe.timing.decision_log import DecisionLog

_DECISION = "stands_on"


def find_chain(
    options: TailorOptions, task: str, fingerprint: str, registry: Registry, checkpoints: Path
) -> tuple[Bundle, ...]:
    """The bundles that the task will stand on, the first one first; none with other methods, and of the first of a
    chain. A job that goes on after a break stands on what it began with.

    Raises OptionsInvalid, `BundleWrongBackbone` and `ChainInvalid` (nettailor).
    """
    if options.method != "packnet":
        return ()
    log = DecisionLog(checkpoints / "decisions.json")
    digest = log.made(_DECISION, lambda: _digest(_predecessor(options, task, fingerprint, registry)))
    if digest is None:
        return ()
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
