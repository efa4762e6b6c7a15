"""A store that would lose records, or that only this process sees, is found out when a service starts."""

from pathlib import Path

import pytest

from registry.errors import StoreUnavailable, StoreUnusable
from registry.storage import probe
from registry.storage.blobs import Blobs
from registry.storage.store import Store
from tests.registry.storage.faulty import URL, LibraryError, faulty_store


def test_a_sound_store_passes_and_nothing_is_left_in_it(blobs: Blobs, store_url: str) -> None:
    probe.check(blobs.store)
    assert blobs.store.names("") == []
    if "://" not in store_url:
        assert list(Path(store_url).iterdir()) == []


def test_one_that_overwrites_in_silence_is_refused() -> None:
    with faulty_store() as faulty:
        faulty.overwrites = True
        with pytest.raises(StoreUnusable, match="it overwrites a file"):
            probe.check(Store(URL))


def test_one_that_is_away_is_not_called_unusable() -> None:
    with faulty_store() as faulty:
        faulty.fault = LibraryError("no route")
        with pytest.raises(StoreUnavailable, match="LibraryError: no route"):
            probe.check(Store(URL))


def test_one_that_only_this_process_sees_is_refused() -> None:
    with pytest.raises(StoreUnusable, match="memory:// is kept by one process"):
        probe.check(Store("memory://here"))
