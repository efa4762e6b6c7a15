"""The scrub: every blob and every record is read and compared with its checksum.

Corrupt blobs go to the quarantine. Records stay where they are, whatever is found: a record put away would leave a gap
that the next writer fills. Memory is that of one chunk, one folder of names and the versions of one task.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from registry.errors import BlobCorrupt, BlobMissing, RecordCorrupt
from registry.journal.records import Records
from registry.maintenance.references import References
from registry.progress import Progress, silent
from registry.storage.blobs import Blobs

FaultKind = Literal["corrupt", "unreadable", "missing", "record"]


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One thing that is wrong.

    `corrupt`: a blob that holds other bytes, now in the quarantine; `unreadable`: a blob that the store cannot read;
    `missing`: a version whose bundle, what that stands on, or an attachment is not there (because it was corrupt, or is
    gone), or a backbone whose file is not; `record`: a record that is damaged or lost.
    """

    kind: FaultKind
    where: str  # a blob's digest, a record's key
    reason: str
    task: str | None = None  # for `missing`, of a version
    version: int | None = None


@dataclass(frozen=True, kw_only=True)
class ScrubReport:
    """What a scrub found."""

    blobs: int  # that are sound
    blob_bytes: int  # of those
    records: int  # that are sound
    versions: int  # that exist
    faults: tuple[Fault, ...]


class Scrub:
    """One pass over a store. Needs no index."""

    def __init__(self, blobs: Blobs, records: Records, progress: Progress = silent) -> None:
        self._blobs = blobs
        self._records = records
        self._progress = progress
        self._done = self._total = 0
        self._sound_blobs = self._blob_bytes = self._sound_records = self._versions = 0

    def run(self) -> ScrubReport:
        """Errors of a store that cannot be reached go through."""
        tasks = self._records.tasks()
        self._total = sum(1 for _ in self._blobs.digests()) + sum(map(self._records.latest, tasks))
        faults = [*self._blob_faults()]  # first: a version whose blob goes to the quarantine then misses it
        for task in tasks:
            faults += self._task_faults(task)
        return ScrubReport(
            blobs=self._sound_blobs,
            blob_bytes=self._blob_bytes,
            records=self._sound_records,
            versions=self._versions,
            faults=tuple(faults),
        )

    def _blob_faults(self) -> Iterator[Fault]:
        for digest in self._blobs.digests():
            try:
                self._blob_bytes += self._blobs.verify(digest)
                self._sound_blobs += 1
            except BlobMissing:
                pass  # deleted since it was listed; no blob at all, if its name is none
            except BlobCorrupt as fault:
                yield Fault(kind="corrupt", where=digest, reason=f"holds bytes of {fault.found}")
            except OSError as fault:
                yield Fault(kind="unreadable", where=digest, reason=str(fault))
            self._step()

    def _task_faults(self, task: str) -> Iterator[Fault]:
        references = References()
        for sequence in range(1, self._records.latest(task) + 1):
            try:
                references.apply(self._records.certain(task, sequence))
                self._sound_records += 1
            except RecordCorrupt as fault:
                yield Fault(kind="record", where=fault.key, reason=fault.reason)
            self._step()
        self._versions += len(references.bundles)
        for name, digest in references.backbones.items():
            if not self._blobs.exists(digest):
                yield Fault(kind="missing", where=digest, reason=f"no such blob, the file of backbone {name}")
        for version, digest in references.bundles.items():
            if not self._blobs.exists(digest):
                yield Fault(kind="missing", where=digest, reason="no such blob", task=task, version=version)
        for version, digest in references.predecessors.items():
            if not self._blobs.exists(digest):
                reason = "no such blob, what the bundle stands on"
                yield Fault(kind="missing", where=digest, reason=reason, task=task, version=version)
        for version, attachments in references.attachments.items():
            for name, digest in attachments.items():
                if not self._blobs.exists(digest):
                    reason = f"no such blob, attachment {name}"
                    yield Fault(kind="missing", where=digest, reason=reason, task=task, version=version)

    def _step(self) -> None:
        self._done += 1
        self._progress(self._done, max(self._done, self._total))  # others may have added some
