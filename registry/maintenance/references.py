"""Which blobs the existing versions name: their bundles, and the digests of their lineage."""

import re

from registry.journal.index import Index
from registry.journal.records import Record, Records, TaskDeleted, VersionDeleted, VersionRecord, record_json

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


class References:
    """Folds the records of one task, applied in order."""

    def __init__(self) -> None:
        self.bundles: dict[int, str] = {}  # version -> digest of its bundle
        self.attachments: dict[int, dict[str, str]] = {}  # version -> name -> digest
        self._lineage: dict[int, frozenset[str]] = {}

    @property
    def digests(self) -> set[str]:
        """Every digest that an existing version names."""
        return set().union(*self._lineage.values())

    def apply(self, record: Record) -> None:
        match record:
            case VersionRecord():
                self.bundles[record.version] = record.digest
                self.attachments[record.version] = record.attachments
                self._lineage[record.version] = digests_in(record)
            case VersionDeleted():
                self.bundles.pop(record.version, None)
                self.attachments.pop(record.version, None)
                self._lineage.pop(record.version, None)
            case TaskDeleted():
                self.bundles.clear()
                self.attachments.clear()
                self._lineage.clear()
            case _:
                pass  # aliases name existing versions only


def digests_in(record: VersionRecord) -> frozenset[str]:
    """Every digest anywhere in a version's record: bundle, dataset, attachments, and what later manifests may add."""
    return frozenset(_DIGEST.findall(record_json(record)))


def named_by(records: Records, index: Index) -> set[str]:
    """Every digest that is in use by the records of all tasks or by the index.

    Raises `RecordCorrupt`, `IndexUnavailable`.
    """
    named: set[str] = set()
    for task in records.tasks():
        references = References()
        for record in records.whole(task):
            references.apply(record)
        named |= references.digests
    for task in index.states():  # if it knows of more, records were lost
        named = named.union(*map(digests_in, index.all_published(task)))
    return named
