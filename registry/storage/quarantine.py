"""The quarantine: corrupt blobs, moved out of the way and kept for people to examine; no code deletes them.

`quarantine/sha256/{digest}.{when}.{found}` in the blobs' own store: the name says which blob it was, when it was moved
here, and the digest of the bytes it held. So one rename is the whole step.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from registry.storage.store import Store

_FOLDER = "quarantine/sha256"
_NAME = re.compile(r"(?P<digest>[0-9a-f]{64})\.(?P<at>\d{8}T\d{12}Z)\.(?P<found>[0-9a-f]{64})")
_TIME = "%Y%m%dT%H%M%S%fZ"


@dataclass(frozen=True, kw_only=True)
class Quarantined:
    """A blob in the quarantine."""

    digest: str  # what it should have been
    found: str  # the digest of the bytes it held
    at: str  # ISO 8601, UTC
    key: str  # where it is now


class Quarantine:
    """Iterating over it gives what it holds, in the order of digest and time."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def take(self, key: str, digest: str, found: str) -> str | None:
        """Move a file here and return its new key; None if it is gone already or was replaced meanwhile."""
        when = datetime.now(UTC).strftime(_TIME)
        place = f"{_FOLDER}/{_hex(digest)}.{when}.{_hex(found)}"
        return place if self._store.move(key, place) else None

    def __iter__(self) -> Iterator[Quarantined]:
        for name in self._store.names(_FOLDER):
            if parts := _NAME.fullmatch(name):
                yield Quarantined(
                    digest=f"sha256:{parts['digest']}",
                    found=f"sha256:{parts['found']}",
                    at=datetime.strptime(parts["at"], _TIME).replace(tzinfo=UTC).isoformat(),
                    key=f"{_FOLDER}/{name}",
                )


def _hex(digest: str) -> str:
    return digest.removeprefix("sha256:")
