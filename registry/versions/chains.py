"""Which versions stand on which: bundles of method `packnet` have the weights of those before them in their chain."""

from collections.abc import Callable, Iterable, Iterator

from nettailor.bundle.bundle import Bundle, decode
from nettailor.bundle.chain import linked
from nettailor.errors import ChainLinkMissing
from registry.errors import BlobCorrupt, BlobMissing, PredecessorInUse, PredecessorUnknown
from registry.journal.claims import Claim
from registry.journal.index import Index
from registry.journal.records import VersionRecord


def read_linked(data: bytes, read: Callable[[str], bytes]) -> Bundle:
    """The bundle of these bytes with the chain that it stands on. `read` gives a blob by its digest.

    Raises `BundleInvalid` (nettailor).
    """

    def link(digest: str) -> bytes:
        try:
            return read(digest)
        except (BlobMissing, BlobCorrupt) as fault:
            raise ChainLinkMissing(digest) from fault

    return linked(decode(data), link)


def check_predecessor(index: Index, task: str, digest: str | None) -> None:
    """Raises `PredecessorUnknown` unless the bundle that one of a task stands on is a version."""
    if digest is not None and digest not in {record.digest for record in _packed(index)}:
        raise PredecessorUnknown(task, digest)


def check_unneeded(index: Index, task: str, gone: Iterable[VersionRecord], claims: Iterable[Claim]) -> None:
    """Raises `PredecessorInUse` if a version that is not one of those that go, or a job, stands on one of them."""
    going = {record.digest for record in gone if record.manifest.is_packed}
    if not going:
        return
    known = list(_packed(index))
    needing = [record for record in _standing_on(going, known) if record.digest not in going]
    jobs = [f"{claim.job} of task {claim.task!r}" for claim in claims if claim.digest in going]
    if needing or jobs:
        raise PredecessorInUse(task, [f"{record.task} v{record.version}" for record in needing], jobs)


def newest_packed(index: Index, *, fingerprint: str, besides: str) -> VersionRecord | None:
    """The version of method `packnet` on this backbone that was published last, those of a task left aside."""
    found = (r for r in _packed(index) if r.manifest.backbone.fingerprint == fingerprint and r.task != besides)
    return max(found, key=lambda record: (record.at, record.task, record.version), default=None)


def _standing_on(digests: set[str], known: list[VersionRecord]) -> list[VersionRecord]:
    """The versions that stand on one of these bundles, directly or through others, by task and version."""
    reached, before = set(digests), 0
    while len(reached) > before:
        before = len(reached)
        reached |= {record.digest for record in known if record.manifest.predecessor in reached}
    return [record for record in known if record.manifest.predecessor in reached]


def _packed(index: Index) -> Iterator[VersionRecord]:
    for task, state in index.states().items():
        if "packnet" in state.methods.values():
            yield from (record for record in index.all_published(task) if record.manifest.is_packed)
