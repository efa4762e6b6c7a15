"""Damage as disks do it, and records that no reader of ours understands: behind the registry's back."""

import hashlib

from nettailor.bundle.safetensors_file import canonical_json
from registry.storage.blobs import Blobs


def corrupt(blobs: Blobs, digest: str, content: bytes = b"not what it was") -> None:
    """Put other bytes where a blob is."""
    name = digest.removeprefix("sha256:")
    blobs.store.write(f"sha256/{name[:2]}/{name}", content)


def record_file(*, task: str, sequence: int, **others: object) -> bytes:
    """A whole record with its checksum, of a kind that this release does not know."""
    record = {"task": task, "sequence": sequence, "kind": "of-tomorrow", **others}
    digest = hashlib.sha256(canonical_json(record).encode()).hexdigest()
    return canonical_json({"format": "nettailor-record/1", "record": record, "sha256": digest}).encode()


def write_unreadable(blobs: Blobs, task: str, sequence: int, **others: object) -> str:
    """Make such a record the task's record of that number; returns its key."""
    key = f"records/{task}/{sequence:08d}.json"
    blobs.store.write(key, record_file(task=task, sequence=sequence, **others))
    return key
