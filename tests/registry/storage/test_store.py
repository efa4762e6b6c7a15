"""A store that is away is told from one that has no such file, soon, and whatever its library raises."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from registry.errors import StoreUnavailable, StoreUnusable
from registry.metrics import QuarantineCollector
from registry.storage import remote
from registry.storage.blobs import Blobs
from registry.storage.store import Store
from tests.registry.storage.faulty import URL, FaultyFileSystem, LibraryError, faulty_store
from tests.waiting import until

CALLS: dict[str, Callable[[Store], object]] = {
    "exists": lambda store: store.exists("a/b"),
    "read": lambda store: store.read("a/b"),
    "chunks": lambda store: list(store.chunks("a/b")),
    "names": lambda store: store.names("a"),
    "size": lambda store: store.size_bytes("a/b"),
    "modified": lambda store: store.modified_at("a/b"),
    "write": lambda store: store.write("a/c", b"2"),
    "create": lambda store: store.create("a/c", b"2"),
    "delete": lambda store: store.delete("a/b"),
    "move": lambda store: store.move("a/b", "a/d"),
}


@pytest.fixture
def faulty() -> Iterator[type[FaultyFileSystem]]:
    with faulty_store() as faulty:
        yield faulty


@pytest.fixture
def store(faulty: type[FaultyFileSystem]) -> Store:
    store = Store(URL)
    store.write("a/b", b"1")
    return store


def test_it_works_while_nothing_is_wrong(store: Store) -> None:
    assert store.exists("a/b")
    assert not store.exists("a")
    assert (store.read("a/b"), b"".join(store.chunks("a/b")), store.size_bytes("a/b")) == (b"1", b"1", 1)
    assert (store.names("a"), store.names("none")) == (["b"], [])
    assert (store.create("a/b", b"2"), store.create("a/b", b"1"), store.create("a/c", b"2")) == (False, True, True)


@pytest.mark.parametrize("fault", [LibraryError("no\n route"), PermissionError("denied"), TimeoutError()], ids=repr)
@pytest.mark.parametrize("call", CALLS)
def test_a_fault_is_never_taken_for_a_missing_file(
    store: Store, faulty: type[FaultyFileSystem], call: str, fault: Exception
) -> None:
    faulty.fault = fault
    with pytest.raises(StoreUnavailable, match=type(fault).__name__) as told:
        CALLS[call](store)
    assert isinstance(told.value, OSError)  # for whoever is prepared for a disk that fails
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("call", [call for call in CALLS if call not in {"delete", "move"}])
def test_nothing_is_missing_from_a_missing_bucket(store: Store, faulty: type[FaultyFileSystem], call: str) -> None:
    faulty.has_bucket = False
    with pytest.raises(StoreUnavailable, match="there is no bucket 'bucket'"):
        CALLS[call](store)


def test_a_store_that_hangs_is_given_up(
    store: Store, faulty: type[FaultyFileSystem], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "_PATIENCE_SECONDS", 0.05)
    faulty.hanging = threading.Event()
    with pytest.raises(StoreUnavailable, match="Timeout"):
        store.read("a/b")


def test_metrics_do_not_wait_for_a_store_that_hangs(store: Store, faulty: type[FaultyFileSystem]) -> None:
    metrics = CollectorRegistry()
    metrics.register(QuarantineCollector(Blobs(URL)))
    until(lambda: b"quarantined_total 0.0" in generate_latest(metrics))
    faulty.hanging = threading.Event()
    assert [b"quarantined_total 0.0" in generate_latest(metrics) for _ in range(3)] == [True] * 3
    assert not faulty.hanging.is_set()


def test_a_folder_that_cannot_be_looked_into_says_so(tmp_path: Path) -> None:
    (tmp_path / "records").write_bytes(b"no folder")
    with pytest.raises(StoreUnavailable, match="NotADirectoryError"):
        Store(str(tmp_path)).names("records")


@pytest.mark.parametrize(("url", "reason"), [("nosuch://x", "Protocol not known"), ("s3://", "it names no bucket")])
def test_what_no_store_can_be_made_of_is_told_at_once(url: str, reason: str) -> None:
    with pytest.raises(StoreUnusable, match=reason):
        Store(url)
