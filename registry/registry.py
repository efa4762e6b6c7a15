"""The registry: versions and aliases of every task over blobs, records and the index.

A write is, in this order: the blob (for a publish), then the record, then the index (see `journal`).
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence

import redis

from nettailor.bundle.bundle import Bundle
from registry.backbones import Backbones
from registry.errors import (
    ForceWithoutReason,
    NothingToRollBack,
    PolicyViolated,
    TaskUnknown,
    TaskWasDeleted,
    VersionUnknown,
)
from registry.instrumentation import Observe, observed, unobserved
from registry.journal.changes import Change
from registry.journal.claims import Claims
from registry.journal.deletion import Since, deletion_after
from registry.journal.index import PREFIX, Index, TaskState
from registry.journal.journal import Journal, Rebuilt
from registry.journal.records import (
    BACKBONES,
    AliasMoved,
    BackboneAdded,
    BackboneRemoved,
    PolicySet,
    Record,
    Records,
    TaskDeleted,
    VersionAnnotated,
    VersionDeleted,
    VersionRecord,
    now,
)
from registry.maintenance.garbage import Collection, collect
from registry.maintenance.references import named_by
from registry.maintenance.scrub import Scrub, ScrubReport
from registry.policy.policy import Policy
from registry.policy.policy_check import Measurement
from registry.policy.precision import int8_refusal
from registry.progress import Progress, silent
from registry.storage.blobs import Blobs
from registry.versions.aliases import ANY, AnyVersion, alias_moved, check_alias, check_expected, check_name
from registry.versions.annotation import Annotation, annotation_of, changed_tags, version_annotated
from registry.versions.attachments import checked
from registry.versions.chains import check_predecessor, check_unneeded, read_linked
from registry.versions.comparison import Comparison, check_comparable, compare
from registry.versions.deletions import task_deleted, version_deleted
from registry.versions.lineage import Lineage, lineage_of
from registry.versions.promotion import check_blob, policy_evidence
from registry.versions.publishing import publishable, version_published
from registry.versions.rollback import earlier_version
from registry.versions.task_policy import policy_set
from registry.versions.version_file import VersionFile

logger = logging.getLogger(__name__)

LIVE = "live"
_CHANGES_AT_ONCE = 1000


class Registry:
    """Safe to use from many threads and processes at once.

    Every method raises `IndexUnavailable` without Redis; those about one task, `RecordCorrupt` if a record of it cannot
    be read; those that write, `RecordRefused` for what could not be read back.
    """

    def __init__(self, blobs: Blobs, redis: "redis.Redis", *, prefix: str = PREFIX) -> None:
        self.blobs = blobs
        self.index = Index(redis, prefix=prefix)
        self.claims = Claims(redis, prefix=prefix)
        self._records = Records(blobs.store)
        self._journal = Journal(self.index, self._records)
        self.backbones = Backbones(blobs, self.index, self._journal)
        self.observe: Observe = unobserved

    @observed
    def publish(
        self,
        task: str,
        data: bytes,
        *,
        actor: str,
        job: str | None = None,
        note: str = "",
        attachments: Mapping[str, str] | None = None,
        since: Since | None = None,
    ) -> VersionRecord:
        """Make a bundle the next version of a task; the same bytes again are the version they already are.

        `attachments` are kept beside it for as long as it exists: names and digests of blobs that are stored already.
        `since` says when the work on the bundle was begun (`sequence` of that moment): if the task was deleted after
        that, it stays deleted. Without it the bundle is published whatever was deleted before.
        Raises `BundleInvalid` (nettailor), `TaskMismatch`, `NameInvalid`, `AttachmentsTooMany`, `BlobMissing`,
        `PredecessorUnknown`, `TaskWasDeleted`.
        """
        bundle = publishable(task, data)
        self.index.state(task)  # without an index, fail before anything is written
        if bundle.manifest.is_packed:
            check_predecessor(self.index, task, bundle.manifest.predecessor)
            read_linked(data, self.blobs.read)
        attached = checked(task, attachments or {}, self.blobs)
        digest = self.blobs.put(data)

        def decide(state: TaskState) -> VersionRecord:
            if since is not None:
                self.check_not_deleted(task, since)
            return self.index.published_as(task, digest) or version_published(
                state, bundle, actor=actor, job=job, note=note, attachments=attached, at=now()
            )

        record = self._journal.commit(task, decide)
        if not self.blobs.exists(digest):  # a garbage collection came between our look and the record
            self.blobs.put(data)
        logger.info("published %s version %s (%s)", task, record.version, digest)
        return record

    def publish_file(self, task: str, data: bytes, *, actor: str, note: str = "") -> VersionRecord:
        """Make the version that a file holds (see `version_file`) the task's next, with its attachments and tags.

        Where the bundle is a version of the task already, that version gets the file's tags, and nothing else changes.
        Without `note` it has the file's. Raises `VersionFileInvalid`, `DigestMismatch`, `TagInvalid`, `TagsTooMany`,
        and as `publish` does.
        """
        file = VersionFile(data)
        changed_tags(task, file.origin.version, {}, file.origin.tags)
        publishable(task, file.bundle)  # refuse the rest before attachments are stored
        record = self.publish(
            task,
            file.bundle,
            actor=actor,
            note=note or file.origin.note,
            attachments={name: self.blobs.put(attached) for name, attached in file.attachments.items()},
        )
        self.annotate(task, record.version, tags=file.origin.tags, actor=actor)
        return record

    def link_secret(self) -> bytes:
        """What links to pages are signed with (`hosting.access.pages.links`), by whichever service."""
        return self.index.shared_secret("links")

    def resolve(self, task: str, *, alias: str = LIVE) -> VersionRecord:
        """The version an alias names. Raises `TaskUnknown`, `AliasUnknown`."""
        return self.index.resolve(task, alias)

    def version_record(self, task: str, version: int) -> VersionRecord:
        """Raises `TaskUnknown`, `VersionUnknown`."""
        record = self.index.published(task, version)
        if record is None:
            self.task(task)
            raise VersionUnknown(task, version)
        return record

    @observed
    def read_bundle(self, record: VersionRecord) -> bytes:
        """The bundle's bytes, their digest verified. Raises `BlobMissing`, `BlobCorrupt`."""
        return self.blobs.read(record.digest)

    def read_linked(self, record: VersionRecord) -> Bundle:
        """The bundle with the chain that it stands on.

        Raises `BlobMissing`, `BlobCorrupt`, `BundleInvalid` (nettailor).
        """
        return read_linked(self.read_bundle(record), self.blobs.read)

    def read_chain(self, record: VersionRecord) -> list[bytes]:
        """The bundles that a version's bundle stands on, the first of the chain first. Raises as `read_linked`."""
        if record.manifest.predecessor is None:
            return []
        return [self.blobs.read(link.digest) for link in self.read_linked(record).chain]

    @observed
    def promote(
        self,
        task: str,
        alias: str,
        version: int,
        *,
        expected: AnyVersion | int | None = ANY,
        actor: str,
        reason: str,
        force: bool = False,
        default: Policy | None = None,
        measured: Measurement | None = None,
    ) -> AliasMoved:
        """Point an alias at a version, if the alias names `expected` now (None: if there is no such alias yet).

        `live` moves only to a version that passes the task's policy, or `default` where the task has none; other
        aliases have no policy. `force` moves it all the same, and the history keeps that with the reason and the
        evidence. `measured` is the live version's accuracy on this version's dataset, which no manifest can say.

        Raises `TaskUnknown`, `VersionUnknown`, `AliasConflict`, `BlobMissing`, `NameInvalid`, `PolicyViolated`,
        `ForceWithoutReason`.
        """
        check_name(alias)
        if force and not reason.strip():
            raise ForceWithoutReason(task, alias, version)

        def decide(state: TaskState) -> AliasMoved:
            state.check_version(version)
            check_expected(alias, expected, state)
            check_blob(self.index, self.blobs, task, version)
            evidence, before = None, state.aliases.get(alias)
            if alias == LIVE and before != version:
                policy = self.policy(task, default=default)
                evidence = policy_evidence(self.index, task, version, live=before, policy=policy, measured=measured)
            if evidence is not None and not evidence.passed and not force:
                raise PolicyViolated(task, alias, evidence)
            return alias_moved(
                state, alias, version, rollback=False, actor=actor, reason=reason, evidence=evidence, at=now()
            )

        return self._journal.commit(task, decide)

    @observed
    def unalias(
        self, task: str, alias: str, *, expected: AnyVersion | int = ANY, actor: str, reason: str
    ) -> AliasMoved:
        """Remove an alias. Raises `TaskUnknown`, `AliasUnknown`, `AliasConflict`."""

        def decide(state: TaskState) -> AliasMoved:
            check_alias(alias, state)
            check_expected(alias, expected, state)
            return alias_moved(state, alias, None, rollback=False, actor=actor, reason=reason, at=now())

        return self._journal.commit(task, decide)

    @observed
    def rollback(self, task: str, *, alias: str = LIVE, actor: str, reason: str) -> AliasMoved:
        """Point an alias at what it named before its last promote; called again, it goes back one further.

        Versions deleted since are passed over. Raises `TaskUnknown`, `AliasUnknown`, `NothingToRollBack`,
        `BlobMissing`.
        """
        # No policy is checked. A rollback is the way out when the live version does harm, however well it was tested.
        # It leads only to a version that the alias named before, which most often is less accurate on the test split.

        def decide(state: TaskState) -> AliasMoved:
            check_alias(alias, state)
            version = earlier_version(self.index.newest_first(task), alias, state.versions)
            if version is None:
                raise NothingToRollBack(task, alias)
            check_blob(self.index, self.blobs, task, version)
            return alias_moved(state, alias, version, rollback=True, actor=actor, reason=reason, at=now())

        return self._journal.commit(task, decide)

    def policy(self, task: str, *, default: Policy | None = None) -> Policy | None:
        """What a version must show to go live: the task's own policy (`Policy.over`), else `default`.

        Raises `TaskUnknown`.
        """
        record = self.policy_record(task)
        return default if record is None or record.policy is None else record.policy.over(default)

    def policy_record(self, task: str) -> PolicySet | None:
        """How the task's policy was last set or cleared, None if it never was. Raises `TaskUnknown`."""
        self.task(task)
        return self.index.policy(task)

    def int8_refusal(self, record: VersionRecord) -> str | None:
        """Why a version may not be served in int8, in words; None where it may. One look into the index; a change of a
        policy is among the `changes`."""
        policy = self.index.policy(record.task)
        return int8_refusal(None if policy is None else policy.policy, record.manifest)

    @observed
    def set_policy(self, task: str, policy: Policy | None, *, actor: str, reason: str) -> PolicySet:
        """Set the policy that versions must pass to go live from now on; None clears it. What is live stays live.

        Raises `TaskUnknown`.
        """

        def decide(state: TaskState) -> PolicySet:
            state.check_exists()
            return policy_set(state, self.index.policy(task), policy, actor=actor, reason=reason, at=now())

        return self._journal.commit(task, decide)

    @observed
    def annotate(
        self,
        task: str,
        version: int,
        *,
        tags: Mapping[str, str | None] | None = None,
        note: str | None = None,
        actor: str,
    ) -> Annotation:
        """Set tags (name -> text; None removes one) and, if it is not None, the note of a version.

        Raises `TaskUnknown`, `VersionUnknown`, `NameInvalid`, `TagInvalid`, `TagsTooMany`.
        """

        def decide(state: TaskState) -> VersionAnnotated:
            state.check_version(version)
            before = self.annotation(task, version)
            after = Annotation(
                tags=changed_tags(task, version, before.tags, tags or {}),
                note=before.note if note is None else note,
            )
            return version_annotated(state, version, before, after, actor=actor, at=now())

        record = self._journal.commit(task, decide)
        return Annotation(tags=record.tags, note=record.note)

    def annotation(self, task: str, version: int) -> Annotation:
        """The tags and the note of a version. Raises `TaskUnknown`, `VersionUnknown`."""
        return annotation_of(self.version_record(task, version), self.index.annotated(task, version))

    def described(
        self, task: str, *, tags: Sequence[tuple[str, str | None]] = ()
    ) -> list[tuple[VersionRecord, Annotation]]:
        """The versions with all these tags (name and text; None is any text), lowest first. Raises `TaskUnknown`."""
        records = self.versions(task)
        annotated = self.index.annotations(task)
        found = [(record, annotation_of(record, annotated.get(record.version))) for record in records]
        return [
            (record, annotation)
            for record, annotation in found
            if all(annotation.has(name, text) for name, text in tags)
        ]

    def lineage(self, task: str, version: int) -> Lineage:
        """Where a version comes from, which aliases name it and when it was live.

        Raises `TaskUnknown`, `VersionUnknown`.
        """
        record = self.version_record(task, version)
        return lineage_of(record, self.annotation(task, version), self.index.history(task), live=LIVE)

    @observed
    def compare(self, task: str, versions: Sequence[int]) -> Comparison:
        """Compare versions on their test images, the others with the first one.

        Raises `TaskUnknown`, `VersionUnknown`, `ComparisonInvalid`, `DatasetsDiffer`, `AnswersMissing`, `BlobMissing`,
        `BlobCorrupt`.
        """
        check_comparable(task, versions)
        return compare([self.version_record(task, version) for version in versions], self.blobs)

    def tasks(self) -> list[TaskState]:
        """Every task that has a version, by name."""
        return list(self.index.states().values())

    def task(self, task: str) -> TaskState:
        """Raises `TaskUnknown`."""
        state = self.index.state(task)
        state.check_exists()
        return state

    def versions(self, task: str) -> list[VersionRecord]:
        """Lowest first. Raises `TaskUnknown`."""
        self.task(task)
        return self.index.all_published(task)

    def history(self, task: str) -> list[Record]:
        """Everything that ever happened to a task, oldest first, after its deletion too. Raises `TaskUnknown`."""
        self.index.state(task).check_read()
        history = [] if task == BACKBONES else self.index.history(task)
        if not history:
            raise TaskUnknown(task)
        return history

    @observed
    def delete_version(self, task: str, version: int, *, actor: str, reason: str) -> None:
        """Forget a version; its number is never given again. The blob stays for the garbage collection.

        Raises `TaskUnknown`, `VersionUnknown`, `VersionInUse`, `PredecessorInUse`.
        """

        def decide(state: TaskState) -> VersionDeleted:
            state.check_version(version)
            published = self.index.published(task, version)
            if published is not None:
                check_unneeded(self.index, task, [published], self.claims.all())
            return version_deleted(state, version, published, actor=actor, reason=reason, at=now())

        self._journal.commit(task, decide)

    @observed
    def delete_task(self, task: str, *, actor: str, reason: str) -> None:
        """Forget a task's versions and aliases, the live one too. Raises `TaskUnknown`, `PredecessorInUse`."""

        def decide(state: TaskState) -> TaskDeleted:
            state.check_exists()
            if "packnet" in state.methods.values():
                others = [claim for claim in self.claims.all() if claim.task != task]  # its own jobs end with it
                check_unneeded(self.index, task, self.index.all_published(task), others)
            return task_deleted(state, actor=actor, reason=reason, at=now())

        self._journal.commit(task, decide)

    def sequence(self, task: str) -> int:
        """The number of the last record in a task's history, 0 if nothing ever happened to it.

        Whoever begins something that will be published later remembers it: see `publish`.
        """
        return self._journal.sequence(task)

    def check_not_deleted(self, task: str, since: Since) -> None:
        """Raises `TaskWasDeleted` if the task was deleted after that, even if it has been made anew meanwhile."""
        after = since if isinstance(since, int) else 0
        deletion = deletion_after(self.index.newest_first(task, after=after), since)
        if deletion is not None:
            raise TaskWasDeleted(task, deletion.actor, deletion.at, deletion.reason)

    @observed
    def add_backbone(self, name: str, data: bytes, *, actor: str, note: str = "") -> BackboneAdded:
        """As `Backbones.add`."""
        return self.backbones.add(name, data, actor=actor, note=note)

    @observed
    def remove_backbone(self, name: str, *, actor: str, reason: str) -> BackboneRemoved:
        """As `Backbones.remove`."""
        return self.backbones.remove(name, actor=actor, reason=reason)

    def changes(self, cursor: str, *, block_ms: int | None = None) -> tuple[list[Change], str]:
        """What changed after a cursor, and the cursor for the next call; waits up to `block_ms` for the first change.

        Start with `0` for every change still kept or `$` for those to come. `block_ms` must stay under the client's
        socket timeout.
        """
        return self.index.changes(cursor, block_ms=block_ms, limit=_CHANGES_AT_ONCE)

    def reconcile(self) -> int:
        """Fold in every record the index has not seen (a writer died in between); returns how many."""
        return self._journal.reconcile()

    def rebuild(self, progress: Progress = silent) -> Rebuilt:
        """Make the index what the records beside the blobs say; a task with an unreadable record stays as it is."""
        return self._journal.rebuild(progress)

    def verify(self, progress: Progress = silent) -> ScrubReport:
        """Read every blob and record and compare it with its checksum; corrupt blobs go to the quarantine.

        Needs no Redis; may run while everything else does.
        """
        return Scrub(self.blobs, self._records, progress).run()

    def collect_garbage(
        self,
        grace_s: float,
        *,
        dry_run: bool = True,
        keep: Iterable[str] | Callable[[], Iterable[str]] = (),
        progress: Progress = silent,
    ) -> Collection:
        """Find blobs that nothing names and that are older than `grace_s`; delete them unless it is a dry run.

        A blob stays if an existing version names it (as its bundle, or anywhere in its lineage), by the records or by
        the index; if it is a backbone, or was one that an existing version needs; if an existing version stands on it,
        directly or through others; if `keep` names it, or a bundle that stands on it, which is for what jobs need; or
        if it is in the quarantine.
        `grace_s` covers writers between a blob and the record or job that names it.
        Raises `RecordCorrupt`, and deletes nothing, if a record is damaged or lost: it might name any blob. One that
        has its checksum and is not understood keeps every blob that it names.
        """

        def named() -> set[str]:
            return named_by(self._records, self.index, keep() if callable(keep) else keep)

        return collect(self.blobs, named, grace_s=grace_s, dry_run=dry_run, progress=progress)
