"""The backbones of a registry: weights that every server and trainer over it can use, by name or by fingerprint.

Adding is, in this order: the blob, then the record, then the index (see `journal`). The name stands for these weights
for as long as it is there; other weights need another name.
"""

import logging
import re
from collections.abc import Iterable, Iterator

from nettailor.architecture.geometry import backbone_names
from nettailor.bundle.backbone_file import BackboneFile, decode_backbone
from registry.errors import BackboneConflict, BackboneInUse, BackboneMissing, NameInvalid
from registry.journal.index import Index, TaskState
from registry.journal.journal import Journal
from registry.journal.records import BACKBONES, BackboneAdded, BackboneRemoved, now
from registry.storage.blobs import Blobs

logger = logging.getLogger(__name__)

_NAME_CHARACTERS = 64
_NAME = re.compile(rf"[a-z0-9][a-z0-9._-]{{0,{_NAME_CHARACTERS - 1}}}")


class Backbones:
    """Every method raises `IndexUnavailable` without Redis, `RecordCorrupt` if one of their records cannot be read."""

    def __init__(self, blobs: Blobs, index: Index, journal: Journal) -> None:
        self._blobs = blobs
        self._index = index
        self._journal = journal

    def add(self, name: str, data: bytes, *, actor: str, note: str = "") -> BackboneAdded:
        """Store weights under a name; the same weights again are the backbone that they already are.

        `data` is the canonical file (`nettailor.bundle.backbone_file`).
        Raises `NameInvalid`, `BackboneWeightsInvalid` (nettailor), `BackboneConflict`.
        """
        _check_name(name)
        file = decode_backbone(data)
        self.all()  # without an index, fail before anything is written
        digest = self._blobs.put(data)

        def decide(state: TaskState) -> BackboneAdded:
            known = self._index.backbones()
            same = next((record for record in known if (record.name, record.digest) == (name, digest)), None)
            _check_free(name, file, [record for record in known if record is not same])
            return same or BackboneAdded(
                task=BACKBONES,
                sequence=state.sequence + 1,
                at=now(),
                actor=actor,
                name=name,
                architecture=file.architecture,
                fingerprint=file.fingerprint,
                digest=digest,
                size_bytes=len(data),
                note=note,
            )

        record = self._journal.commit(BACKBONES, decide)
        if not self._blobs.exists(digest):  # a garbage collection came between our look and the record
            self._blobs.put(data)
        logger.info("added backbone %s (%s, %s)", name, record.architecture, record.fingerprint[:12])
        return record

    def remove(self, name: str, *, actor: str, reason: str) -> BackboneRemoved:
        """Forget a backbone that no version needs. The blob stays for the garbage collection.

        Raises `BackboneMissing`, `BackboneInUse`.
        """

        def decide(state: TaskState) -> BackboneRemoved:
            record = self.named(name)
            if versions := list(self._needed_by(record.fingerprint)):
                raise BackboneInUse(name, versions)
            return BackboneRemoved(
                task=BACKBONES,
                sequence=state.sequence + 1,
                at=now(),
                actor=actor,
                name=name,
                fingerprint=record.fingerprint,
                digest=record.digest,
                reason=reason,
            )

        return self._journal.commit(BACKBONES, decide)

    def all(self) -> list[BackboneAdded]:
        """By name."""
        self._index.state(BACKBONES).check_read()
        return self._index.backbones()

    def named(self, name: str) -> BackboneAdded:
        """Raises `BackboneMissing`."""
        found = next((record for record in self.all() if record.name == name), None)
        if found is None:
            raise BackboneMissing(name)
        return found

    def read(self, record: BackboneAdded) -> bytes:
        """The file's bytes, their digest verified. Raises `BlobMissing`, `BlobCorrupt`."""
        return self._blobs.read(record.digest)

    def _needed_by(self, fingerprint: str) -> Iterator[str]:
        for task in self._index.states():
            for version in self._index.all_published(task):
                if version.manifest.backbone.fingerprint == fingerprint:
                    yield f"{task} v{version.version}"


def _check_name(name: str) -> None:
    """Raises `NameInvalid`, `BackboneConflict`: to tailor `resnet18` must go on meaning the published weights."""
    if not _NAME.fullmatch(name):
        raise NameInvalid("a backbone", name, _NAME_CHARACTERS)
    if name in backbone_names():
        raise BackboneConflict(name, "that is the name of an architecture and of its usual weights")


def _check_free(name: str, file: BackboneFile, others: Iterable[BackboneAdded]) -> None:
    """Raises `BackboneConflict`."""
    for record in others:
        if record.name == name:
            raise BackboneConflict(name, f"it is there, with other weights ({record.fingerprint[:12]})")
        if record.fingerprint == file.fingerprint:
            raise BackboneConflict(name, f"these weights are there already, as {record.name!r}")
