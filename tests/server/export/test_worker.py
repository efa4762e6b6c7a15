"""Exports in processes: one at a time, within their time, and nothing left behind."""

import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import onnxruntime
import pytest

from hosting.disk.reserve import NO_RESERVE, DiskReserve
from hosting.errors import InsufficientStorage
from registry.journal.records import VersionRecord
from registry.registry import Registry
from registry.storage.blobs import Blobs
from server.errors import BundleUnusable, ExportFailed, ExportLibraryMissing, ExportTooSlow, NotReady, Overloaded
from server.export.backbone_source import BackboneSource
from server.export.worker import ExportWorker
from tests.server.asking import publish
from tests.server.backbones import only
from tests.server.export.exported import options
from tests.server.export.weights import saved_backbone
from tests.server.oracle import fingerprint
from tests.waiting import until


@pytest.fixture
def published(registry: Registry) -> tuple[VersionRecord, bytes]:
    data = publish(registry)
    return registry.version_record("signs", 1), data


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Where exports are made: empty again after every test."""
    place = tmp_path / "exports"
    yield place
    assert list(place.glob("*")) == []


def _worker(folder: Path, *, seconds: float = 100, reserve: DiskReserve = NO_RESERVE) -> ExportWorker:
    return ExportWorker(folder, _source(saved_backbone(folder.parent)), limit_seconds=seconds, reserve=reserve)


def _source(weights: Path | None) -> BackboneSource:
    """Of a server that holds the tests' backbone, whatever the weights are."""
    return BackboneSource(own="mini26", weights=weights, backbones=only(fingerprint()), fetch=Blobs("memory://").fetch)


@pytest.mark.nightly  # by day over HTTP: http/test_export_routes
def test_a_verified_file_comes_out(folder: Path, published: tuple[VersionRecord, bytes]) -> None:
    made = _worker(folder).export(*published, options())
    assert made.top1_agreement == 1
    assert list(folder.iterdir()) == []  # the file has no name any more
    with made.file:
        data = made.file.read()
    assert len(data) == made.size_bytes
    said = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"]).get_modelmeta().custom_metadata_map
    assert said["version"] == "1"
    assert said["digest"] == published[0].digest


def test_one_at_a_time_and_closing_ends_it(folder: Path, published: tuple[VersionRecord, bytes]) -> None:
    worker = _worker(folder)
    with ThreadPoolExecutor() as pool:
        first = pool.submit(worker.export, *published, options())
        until(lambda: folder.is_dir() and any(folder.iterdir()))
        with pytest.raises(Overloaded) as refused:
            worker.export(*published, options())
        assert refused.value.retry_after_seconds > 0
        worker.close()
        with pytest.raises(NotReady):
            first.result()
    with pytest.raises(NotReady):
        worker.export(*published, options())


def test_a_slow_export_is_given_up(folder: Path, published: tuple[VersionRecord, bytes]) -> None:
    began = time.monotonic()
    with pytest.raises(ExportTooSlow):
        _worker(folder, seconds=0.05).export(*published, options())
    assert time.monotonic() - began < 30


def test_an_unusable_bundle(folder: Path, published: tuple[VersionRecord, bytes]) -> None:
    record, data = published
    with pytest.raises(BundleUnusable):
        _worker(folder).export(record, data[:-8], options())


@pytest.mark.nightly  # by day in one process: test_export
def test_a_bundle_of_another_backbone(folder: Path, published: tuple[VersionRecord, bytes]) -> None:
    record, data = published
    of_shipped_weights = ExportWorker(folder, _source(None), limit_seconds=100, reserve=NO_RESERVE)
    with pytest.raises(BundleUnusable, match="fingerprint"):
        of_shipped_weights.export(record, data, options())


@pytest.mark.nightly  # by day in one process: test_export
def test_a_missing_library_is_told_by_the_process(
    folder: Path, published: tuple[VersionRecord, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    stub = folder.parent / "stub"
    stub.mkdir()
    (stub / "onnx.py").write_text("raise ModuleNotFoundError('gone', name='onnx')")
    monkeypatch.setenv("PYTHONPATH", str(stub))
    with pytest.raises(ExportLibraryMissing, match=r"\[export\]"):
        _worker(folder).export(*published, options())


def test_a_process_that_breaks_is_an_error_of_ours(folder: Path, published: tuple[VersionRecord, bytes]) -> None:
    worker = _worker(folder)
    saved_backbone(folder.parent).write_bytes(b"no weights")
    with pytest.raises(ExportFailed):
        worker.export(*published, options())


def test_the_reserve_of_the_disk_is_left_alone(folder: Path, published: tuple[VersionRecord, bytes]) -> None:
    with pytest.raises(InsufficientStorage):
        _worker(folder, reserve=DiskReserve([folder.parent], 2**60)).export(*published, options())


def test_folders_of_killed_servers_are_removed(folder: Path) -> None:
    worker = _worker(folder, seconds=10)
    for name, age in (("export-old", 100), ("export-new", 5)):
        (folder / name).mkdir(parents=True)
        (folder / name / "network").write_bytes(bytes(1000))
        os.utime(folder / name, (1000 - age, 1000 - age))
    assert worker.drop_left(1000) == 1000
    assert [path.name for path in folder.iterdir()] == ["export-new"]
    assert worker.drop_left(2000) == 1000  # nothing is left for the fixture to find
