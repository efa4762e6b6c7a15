"""Which blobs the existing versions name: their bundles, the digests of their lineage, and the backbones."""

import re
from collections.abc import Iterable, Iterator, Mapping

from registry.errors import RecordCorrupt
from registry.journal.index import Index
from registry.journal.records import (
    BackboneAdded,
    BackboneRemoved,
    Record,
    Records,
    TaskDeleted,
    VersionDeleted,
    VersionRecord,
    record_json,
)

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


class References:
    """Folds the records of one task, applied in order."""

    def __init__(self) -> None:
        self.bundles: dict[int, str] = {}  # version -> digest of its bundle
        self.attachments: dict[int, dict[str, str]] = {}  # version -> name -> digest
        self.backbones: dict[str, str] = {}  # name -> digest of the file, of those that are there
        self.weights: dict[str, str] = {}  # fingerprint -> digest of the file, of those that ever were there
        self.needed: dict[int, str] = {}  # version -> fingerprint of its backbone
        self.predecessors: dict[int, str] = {}  # version -> digest of the bundle that its own stands on
        self.links: dict[str, str] = {}  # of every bundle that ever was a version: its digest -> that one's
        self._lineage: dict[int, frozenset[str]] = {}
        self._kept: set[str] = set()

    @property
    def digests(self) -> set[str]:
        """Every digest that an existing version or backbone names."""
        return self._kept.union(*self._lineage.values(), self.backbones.values())

    def keep(self, text: str) -> None:
        """Count every digest in a record that nobody understands as named, whatever comes after it."""
        self._kept |= set(_DIGEST.findall(text))

    def apply(self, record: Record) -> None:
        match record:
            case VersionRecord():
                self.bundles[record.version] = record.digest
                self.attachments[record.version] = record.attachments
                self.needed[record.version] = record.manifest.backbone.fingerprint
                self._lineage[record.version] = digests_in(record)
                if record.manifest.predecessor is not None:
                    self.predecessors[record.version] = self.links[record.digest] = record.manifest.predecessor
            case VersionDeleted():
                self.bundles.pop(record.version, None)
                self.attachments.pop(record.version, None)
                self.needed.pop(record.version, None)
                self.predecessors.pop(record.version, None)
                self._lineage.pop(record.version, None)
            case TaskDeleted():
                self.bundles.clear()
                self.attachments.clear()
                self.needed.clear()
                self.predecessors.clear()
                self._lineage.clear()
            case BackboneAdded():
                self.backbones[record.name] = record.digest
                self.weights[record.fingerprint] = record.digest
            case BackboneRemoved():
                self.backbones.pop(record.name, None)
            case _:
                pass  # aliases name existing versions only


def digests_in(record: VersionRecord) -> frozenset[str]:
    """Every digest anywhere in a version's record: bundle, dataset, attachments, and what later manifests may add."""
    return frozenset(_DIGEST.findall(record_json(record)))


def named_by(records: Records, index: Index, besides: Iterable[str] = ()) -> set[str]:
    """Every digest that is in use by the records of all tasks, by the index, or by what others name `besides`.

    Raises `RecordCorrupt` for a record that is damaged or lost, `IndexUnavailable`.
    """
    named = set(besides)
    needed: set[str] = set()
    weights: dict[str, str] = {}
    links: dict[str, str] = {}
    for task in records.tasks():
        found = _references(records, task)
        named |= found.digests
        needed.update(found.needed.values())
        weights |= found.weights
        links |= found.links
    # A version may have been published while its backbone was being removed: adding it again must be possible.
    named.update(digest for fingerprint, digest in weights.items() if fingerprint in needed)
    for task in index.states():  # if it knows of more, records were lost
        named = named.union(*map(_DIGEST.findall, index.published_texts(task)))
    # As with backbones: a version may have been published while what it stands on was being deleted.
    named |= {link for digest in named for link in _chain(digest, links)}
    return named.union(*map(_DIGEST.findall, index.backbone_texts()))


def _chain(digest: str, links: Mapping[str, str]) -> Iterator[str]:
    """The bundles that a bundle stands on, its predecessor first."""
    seen = {digest}
    while (link := links.get(digest)) is not None and link not in seen:
        seen.add(link)
        yield link
        digest = link


def _references(records: Records, task: str) -> References:
    references = References()
    for sequence in range(1, records.latest(task) + 1):
        try:
            references.apply(records.certain(task, sequence))
        except RecordCorrupt:
            references.keep(records.undamaged(task, sequence).decode("utf-8", "replace"))
    return references
