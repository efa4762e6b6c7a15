"""Blobs: files named by the sha256 of their content (bundles, frozen datasets, reports)."""

import hashlib
import logging
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from nettailor.bundle.bundle import digest_of
from nettailor.durable import write_durably
from registry.errors import BlobCorrupt, BlobMissing
from registry.storage.quarantine import Quarantine
from registry.storage.store import CHUNK_BYTES, Store

logger = logging.getLogger(__name__)

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_FOLDER = re.compile(r"[0-9a-f]{2}")


class Blobs:
    """Content-addressed files in a folder or any other fsspec URL. What is read is always verified.

    A blob that a read finds corrupt goes to the quarantine: that read raises `BlobCorrupt`, later ones `BlobMissing`,
    until the same bytes are put again. A malformed digest (other than `sha256:<hex>`) raises `BlobMissing`, too.
    """

    def __init__(self, url: str) -> None:
        self.store = Store(url)
        self.quarantine = Quarantine(self.store)

    def put(self, content: bytes | Path) -> str:
        """Store bytes or a local file and return the digest. Corrupt blobs are replaced.

        If the blob is there already, its time of modification becomes now. A garbage collection that has just found it
        old and unnamed then leaves the caller the whole grace period to name it.
        """
        digest = _file_digest(content) if isinstance(content, Path) else digest_of(content)
        key = _key(digest)
        if self._is_sound(digest) and self.store.touch(key):
            return digest
        if isinstance(content, Path):
            self.store.write_file(key, content)
        else:
            self.store.write(key, content)
        return digest

    def read(self, digest: str) -> bytes:
        """The bytes. Raises `BlobMissing`, `BlobCorrupt`."""
        return b"".join(self._verified(digest))

    def fetch(self, digest: str, into: Path) -> None:
        """Copy a blob to a local path, whole or not at all. Raises `BlobMissing`, `BlobCorrupt`."""
        write_durably(into, self._verified(digest))

    def verify(self, digest: str) -> int:
        """Read a whole blob to check its digest; returns its size in bytes. Raises `BlobMissing`, `BlobCorrupt`."""
        return sum(len(chunk) for chunk in self._verified(digest))

    def exists(self, digest: str) -> bool:
        """Whether a blob of that name is there (its bytes are not looked at)."""
        return bool(_DIGEST.fullmatch(digest)) and self.store.exists(_key(digest))

    def size_bytes(self, digest: str) -> int:
        """Raises `BlobMissing`."""
        try:
            return self.store.size_bytes(_key(digest))
        except FileNotFoundError:
            raise BlobMissing(digest) from None

    def modified_at(self, digest: str) -> float:
        """Seconds since the epoch, by the store's clock. Raises `BlobMissing`."""
        try:
            return self.store.modified_at(_key(digest))
        except FileNotFoundError:
            raise BlobMissing(digest) from None

    def delete(self, digest: str) -> None:
        """Remove a blob if it is there. The caller makes sure that nothing names it."""
        self.store.delete(_key(digest))

    def digests(self) -> Iterator[str]:
        """Every blob, in the order of the digests."""
        for folder in filter(_FOLDER.fullmatch, self.store.names("sha256")):  # others are other programs' files
            for name in self.store.names(f"sha256/{folder}"):
                yield f"sha256:{name}"

    def _is_sound(self, digest: str) -> bool:
        try:
            self.verify(digest)
        except BlobMissing:
            return False
        except BlobCorrupt as error:
            logger.warning("replacing a corrupt blob: %s", error)
            return False
        return True

    def _verified(self, digest: str) -> Iterator[bytes]:
        key = _key(digest)
        read = hashlib.sha256()
        try:
            for chunk in self.store.chunks(key):
                read.update(chunk)
                yield chunk
        except FileNotFoundError:
            raise BlobMissing(digest) from None
        found = f"sha256:{read.hexdigest()}"
        if found != digest:
            self._quarantine(digest, found)
            raise BlobCorrupt(digest, found)

    def _quarantine(self, digest: str, found: str) -> None:
        """Move a blob that was read as other bytes (of digest `found`) to the quarantine, if the blob is at fault.

        The read may have been at fault (a flipped bit on the way), or another process may just have put a sound blob in
        its place. So the blob is read again before the move and once more after it.
        """
        key = _key(digest)
        try:
            again = self._digest(key)
            if again == digest:
                logger.warning("blob %s was read as %s once, then as itself; it stays", digest, found)
                return
            place = self.quarantine.take(key, digest, again)
            if place is None:
                return
            if self._digest(place) == digest:
                self.store.move(place, key)
                return
        except FileNotFoundError:
            return  # somebody else was faster
        except OSError as fault:  # a store that cannot be written to, for one; the caller is warned all the same
            logger.error("blob %s is corrupt (it holds %s) and stays where it is: %s", digest, found, fault)
            return
        logger.error("blob %s is corrupt: it holds %s; moved to %s", digest, again, place)

    def _digest(self, key: str) -> str:
        return _digest_of_all(self.store.chunks(key))


def _key(digest: str) -> str:
    if not _DIGEST.fullmatch(digest):
        raise BlobMissing(digest)
    name = digest.removeprefix("sha256:")
    return f"sha256/{name[:2]}/{name}"


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return _digest_of_all(iter(lambda: file.read(CHUNK_BYTES), b""))


def _digest_of_all(chunks: Iterable[bytes]) -> str:
    found = hashlib.sha256()
    for chunk in chunks:
        found.update(chunk)
    return f"sha256:{found.hexdigest()}"
