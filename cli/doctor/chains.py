"""`nettailor doctor` on chains: which versions of method packnet stand on which, and whether all that they stand on is
there and sound."""

import contextlib
import hashlib
import time
from collections.abc import Iterator, Sequence
from functools import lru_cache, partial

from cli.doctor.finding import Finding, fail, ok, warn
from hosting.settings.settings import Settings
from nettailor.bundle.bundle import decode
from nettailor.bundle.chain import linked
from nettailor.errors import NetTailorError
from registry.errors import BlobCorrupt, BlobMissing, RecordCorrupt, RegistryError
from registry.journal.records import VersionRecord
from registry.registry import Registry
from registry.storage.blobs import Blobs

_PATIENCE_SECONDS = 10.0  # many, or those in a bucket, are for `nettailor registry verify`
_SHOWN = 12  # versions
_KEPT = 8  # bundles in memory: those of a chain are read once for each that stands on them
_ADVICE = "restore that file from a backup, or publish the same bundle again; docs/operations.md, a corrupt blob"


def packed_versions(registry: Registry) -> list[VersionRecord]:
    """By task and version, without tasks whose records cannot be read: the check of the records names those."""
    found: list[VersionRecord] = []
    for state in registry.tasks():
        if "packnet" in state.methods.values():
            with contextlib.suppress(RecordCorrupt):
                found += [record for record in registry.versions(state.task) if record.manifest.is_packed]
    return found


def chains(settings: Settings, packed: Sequence[VersionRecord]) -> Iterator[Finding]:
    """Nothing where there are no such versions."""
    if not packed:
        return
    names = {record.digest: _name(record) for record in packed}
    read = lru_cache(_KEPT)(partial(_read, Blobs(settings.blobs_location)))
    deadline = time.monotonic() + _PATIENCE_SECONDS
    broken = False
    for count, record in enumerate(packed):
        if time.monotonic() > deadline:
            found = f"{count} of {len(packed)} versions were read in time"
            yield warn("chains", found, "`nettailor registry verify` reads all blobs")
            return
        try:
            linked(decode(read(record.digest)), read)
        except (RegistryError, NetTailorError) as fault:
            broken = True
            yield fail("chains", f"{_name(record)}: {type(fault).__name__}: {_named(str(fault), names)}", _ADVICE)
    if not broken:
        yield ok("chains", _shown([_standing(record, names) for record in packed]))


def _read(blobs: Blobs, digest: str) -> bytes:
    """Not by `Blobs.read`, which would move a corrupt one to the quarantine. Raises `BlobMissing`, `BlobCorrupt`."""
    name = digest.removeprefix("sha256:")
    try:
        data = b"".join(blobs.store.chunks(f"sha256/{name[:2]}/{name}"))
    except FileNotFoundError:
        raise BlobMissing(digest) from None
    found = f"sha256:{hashlib.sha256(data).hexdigest()}"
    if found != digest:
        raise BlobCorrupt(digest, found)
    return data


def _name(record: VersionRecord) -> str:
    return f"{record.task} v{record.version}"


def _named(text: str, names: dict[str, str]) -> str:
    """With the version beside each digest that is one's."""
    for digest, name in names.items():
        text = text.replace(digest, f"{digest} ({name})")
    return text


def _standing(record: VersionRecord, names: dict[str, str]) -> str:
    below = record.manifest.predecessor
    return f"{_name(record)} on {'its backbone' if below is None else names.get(below, f'bundle {below}')}"


def _shown(lines: Sequence[str]) -> str:
    more = f" and {len(lines) - _SHOWN} more" if len(lines) > _SHOWN else ""
    return ", ".join(lines[:_SHOWN]) + more
