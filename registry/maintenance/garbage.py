"""Garbage: blobs that nothing names, old enough to go.

A publish writes the blob first and then the record that names it; so does an upload with its job. In between, nothing
names the blob: the grace period, counted from the time the store says the blob was last written, covers that. It must
be longer than any such pause; a `put` of a blob that is there already makes it young again.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from registry.errors import BlobMissing
from registry.progress import Progress
from registry.storage.blobs import Blobs

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Garbage:
    """A blob that nothing names."""

    digest: str
    size_bytes: int
    age_s: float  # by the store's clock and ours


@dataclass(frozen=True, kw_only=True)
class Collection:
    """What a garbage collection found. Unless `deleted`, it was a dry run."""

    garbage: tuple[Garbage, ...]
    named: int  # blobs that something names
    young: int  # blobs that nothing names, younger than the grace period
    deleted: bool

    @property
    def size_bytes(self) -> int:
        """Of the garbage."""
        return sum(blob.size_bytes for blob in self.garbage)


def collect(
    blobs: Blobs, named: Callable[[], set[str]], *, grace_s: float, dry_run: bool, progress: Progress
) -> Collection:
    """Find the garbage and, unless it is a dry run, delete it.

    `named` returns the digests in use now. It is called before the search and again before the deletion, because a
    deleted version may have been published again in between.
    """
    assert grace_s >= 0
    in_use = named()
    garbage: list[Garbage] = []
    kept = young = 0
    total = sum(1 for _ in blobs.digests())
    for done, digest in enumerate(blobs.digests(), 1):
        if digest in in_use:
            kept += 1
        elif blob := _inspected(blobs, digest):
            if blob.age_s < grace_s:
                young += 1
            else:
                garbage.append(blob)
        progress(done, max(done, total))
    if garbage and not dry_run:
        garbage = _deleted(blobs, garbage, named(), grace_s)
    return Collection(garbage=tuple(garbage), named=kept, young=young, deleted=not dry_run)


def _inspected(blobs: Blobs, digest: str) -> Garbage | None:
    try:
        age_s = time.time() - blobs.modified_at(digest)
        return Garbage(digest=digest, size_bytes=blobs.size_bytes(digest), age_s=age_s)
    except BlobMissing:
        return None


def _deleted(blobs: Blobs, garbage: list[Garbage], in_use: set[str], grace_s: float) -> list[Garbage]:
    gone = []
    for found in garbage:
        blob = _inspected(blobs, found.digest)  # again: a publish may have put it meanwhile, and be about to name it
        if blob is None or blob.age_s < grace_s or blob.digest in in_use:
            continue
        blobs.delete(blob.digest)
        logger.info("collected blob %s, %s bytes", blob.digest, blob.size_bytes)
        gone.append(blob)
    return gone
