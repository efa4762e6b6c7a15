"""What must hold before a bundle becomes a version of a task, and the record that makes it one."""

from collections.abc import Mapping

from nettailor.bundle.bundle import Bundle, decode
from nettailor.errors import BundleManifestInvalid
from nettailor.plain_text import check_json
from registry.errors import TaskMismatch
from registry.journal.index import TaskState
from registry.journal.records import VersionRecord


def publishable(task: str, data: bytes) -> Bundle:
    """The bundle of these bytes. Raises `BundleInvalid` (nettailor), `TaskMismatch`.

    A manifest goes into a record, which is for ever: more is asked of it here than of a bundle that is only read.
    """
    bundle = decode(data)
    try:
        check_json(bundle.manifest.model_dump(mode="python"))
    except ValueError as fault:
        raise BundleManifestInvalid("manifest", str(fault)) from fault
    if bundle.manifest.task != task:
        raise TaskMismatch(task, bundle.manifest.task)
    return bundle


def version_published(
    state: TaskState,
    bundle: Bundle,
    *,
    actor: str,
    job: str | None,
    note: str,
    attachments: Mapping[str, str],
    at: str,
) -> VersionRecord:
    """The record that makes the bundle the task's next version."""
    return VersionRecord(
        task=state.task,
        sequence=state.sequence + 1,
        at=at,
        actor=actor,
        version=state.latest + 1,
        digest=bundle.digest,
        size_bytes=bundle.size_bytes,
        job=job,
        note=note,
        manifest=bundle.manifest,
        attachments=dict(attachments),
    )
