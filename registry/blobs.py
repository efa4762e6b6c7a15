"""Blobs: files named by the sha256 of their content (bundles, frozen datasets, reports)."""

import hashlib
import logging
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from nettailor.bundle import digest_of
from nettailor.durable import write_durably
from registry.errors import BlobCorrupt, BlobMissing
from registry.store import CHUNK_BYTES, Store

logger = logging.getLogger(__name__)

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


class Blobs:
    """Content-addressed files in a folder or any other fsspec URL. What is read is always verified.

    A digest (`sha256:<hex>`) that is no digest at all names no blob: `BlobMissing`.
    """

    def __init__(self, url: str) -> None:
        self.store = Store(url)

    def put(self, content: bytes | Path) -> str:
        """Store bytes or a local file and return the digest. Present blobs are left alone, corrupt ones replaced."""
        digest = _file_digest(content) if isinstance(content, Path) else digest_of(content)
        key = _key(digest)
        if self._is_sound(digest):
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

    def verify(self, digest: str) -> None:
        """Raises `BlobMissing`, `BlobCorrupt`."""
        for _ in self._verified(digest):
            pass

    def exists(self, digest: str) -> bool:
        """Whether a blob of that name is there (its bytes are not looked at)."""
        return bool(_DIGEST.fullmatch(digest)) and self.store.exists(_key(digest))

    def size_bytes(self, digest: str) -> int:
        """Raises `BlobMissing`."""
        try:
            return self.store.size_bytes(_key(digest))
        except FileNotFoundError:
            raise BlobMissing(digest) from None

    def delete(self, digest: str) -> None:
        """Remove a blob if it is there; whether anything still names it is the caller's affair."""
        self.store.delete(_key(digest))

    def digests(self) -> Iterator[str]:
        """Every blob there is, in the order of the digests."""
        for folder in self.store.names("sha256"):
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
        found = hashlib.sha256()
        try:
            for chunk in self.store.chunks(_key(digest)):
                found.update(chunk)
                yield chunk
        except FileNotFoundError:
            raise BlobMissing(digest) from None
        if digest != f"sha256:{found.hexdigest()}":
            raise BlobCorrupt(digest, f"sha256:{found.hexdigest()}")


def _key(digest: str) -> str:
    if not _DIGEST.fullmatch(digest):
        raise BlobMissing(digest)
    name = digest.removeprefix("sha256:")
    return f"sha256/{name[:2]}/{name}"


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        chunks: Iterable[bytes] = iter(lambda: file.read(CHUNK_BYTES), b"")
        found = hashlib.sha256()
        for chunk in chunks:
            found.update(chunk)
    return f"sha256:{found.hexdigest()}"
