"""Whether a store keeps records safely: tried when a service starts, for nobody would notice later.

A record is created only where there is none of its number; of several writers the others see that they were late. A
store that overwrites in silence instead (some emulators of S3 do, and what speaks its protocol halfway) loses records.
"""

import uuid

from nettailor.durable import TEMPORARY_PREFIX
from registry.errors import StoreUnusable
from registry.storage.store import Store

_SINGLE_PROCESS = "memory"  # fsspec's files in the memory of one process


def check(store: Store) -> None:
    """Write, read and delete a small file. Raises `StoreUnusable`, `StoreUnavailable`, `OSError` for a full disk."""
    if (reason := single_process(store)) is not None:
        raise StoreUnusable(store.url, reason)
    name = f"{TEMPORARY_PREFIX}{uuid.uuid4().hex}"  # what is left of one that was killed is removed as such
    first, second = name.encode(), b"second"
    if not store.create(name, first):
        raise StoreUnusable(store.url, "it refuses to create a file that is not there")
    try:
        if store.create(name, second) or store.read(name) != first:
            raise StoreUnusable(
                store.url, "it overwrites a file that was to be created only if it is missing, so records would be lost"
            )
    finally:
        store.delete(name)


def single_process(store: Store) -> str | None:
    """Why nobody but this process would see what is written to the store; None if all do."""
    if _SINGLE_PROCESS in store.protocols:
        return f"{_SINGLE_PROCESS}:// is kept by one process, and neither its workers nor its next start would see it"
    return None
