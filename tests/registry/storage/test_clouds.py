"""Azure's and Google's stores, as their emulators speak: `abfs://` and `gs://` keep blobs and records as folders do.

They need programs that are none of Python's (Azurite, `npm install -g azurite`; fake-gcs-server) and the extras `azure`
and `gs`, so they run by night, and are skipped where one of these is missing.
"""

import base64
import contextlib
import os
import shutil
import socket
import subprocess
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import fsspec
import pytest

from registry.errors import BlobCorrupt, StoreUnavailable
from registry.storage import probe, remote
from registry.storage.blobs import Blobs
from registry.storage.store import Store
from tests.processes.ports import free_port
from tests.registry.corruption import corrupt
from tests.waiting import until

pytestmark = [
    pytest.mark.nightly,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of the clouds' own libraries
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # they leave connections open
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

Cloud = tuple[str, "subprocess.Popen[bytes]"]  # the URL of its bucket, and the emulator


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


@contextlib.contextmanager
def _running(command: list[str], port: int, **environment: str) -> Iterator["subprocess.Popen[bytes]"]:
    program = shutil.which(command[0])
    if program is None:
        pytest.skip(f"no {command[0]} on PATH")
    with subprocess.Popen(
        [program, *command[1:]], env=os.environ | environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            until(lambda: _listens(port), process=process)
            yield process
        finally:
            process.kill()


@contextlib.contextmanager
def _azure(folder: Path) -> Iterator[Cloud]:
    pytest.importorskip("adlfs", reason="no adlfs: install the extra azure")
    port, key = free_port(), base64.b64encode(b"of nobody").decode()
    options = ["--blobPort", str(port), "--location", str(folder), "--silent", "--skipApiVersionCheck"]
    endpoint = f"http://127.0.0.1:{port}/house"
    words = f"DefaultEndpointsProtocol=http;AccountName=house;AccountKey={key};BlobEndpoint={endpoint};"
    with (
        _running(["azurite-blob", *options], port, AZURITE_ACCOUNTS=f"house:{key}") as process,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setitem(fsspec.config.conf, "abfs", {"connection_string": words})
        fsspec.filesystem("abfs").mkdir("nettailor")
        yield "abfs://nettailor", process


@contextlib.contextmanager
def _google(folder: Path) -> Iterator[Cloud]:
    port = free_port()
    (folder / "nettailor").mkdir(parents=True)
    url = f"http://127.0.0.1:{port}"
    options = ["-scheme", "http", "-host", "127.0.0.1", "-port", str(port), "-backend", "memory", "-data", str(folder)]
    with (
        _running(["fake-gcs-server", *options, "-external-url", url], port) as process,
        pytest.MonkeyPatch.context() as patch,
    ):
        # Read when gcsfs is imported: else it asks by gRPC what kind of bucket this is, and the emulator has none.
        patch.setenv("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")
        pytest.importorskip("gcsfs", reason="no gcsfs: install the extra gs")
        patch.setitem(fsspec.config.conf, "gs", {"endpoint_url": url, "token": "anon"})
        yield "gs://nettailor", process


@pytest.fixture(scope="module", params=[_azure, _google], ids=["abfs", "gs"])
def cloud(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with request.param(tmp_path_factory.mktemp("cloud") / "files") as cloud:
        yield cloud


@pytest.fixture
def blobs(cloud: Cloud) -> Blobs:
    return Blobs(f"{cloud[0]}/{uuid.uuid4().hex}")


def test_a_record_is_created_once(blobs: Blobs) -> None:
    probe.check(blobs.store)
    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(lambda number: blobs.store.create("records/a", b"%d" % number), range(8)))
    assert sum(won) == 1
    assert blobs.store.read("records/a") == b"%d" % won.index(True)


def test_blobs_come_back_whole_and_are_listed_and_deleted(blobs: Blobs, tmp_path: Path) -> None:
    large, small = tmp_path / "large", b"content"
    large.write_bytes(os.urandom(17 << 20))  # several requests to read it
    digests = sorted([blobs.put(large), blobs.put(small), blobs.put(b"")])
    assert list(blobs.digests()) == digests
    assert blobs.read(blobs.put(small)) == small
    for digest in digests:
        blobs.verify(digest)
        assert blobs.exists(digest)
        assert blobs.modified_at(digest) > 0
        blobs.delete(digest)
        assert not blobs.exists(digest)
    assert list(blobs.digests()) == []


def test_a_corrupt_blob_goes_to_the_quarantine(blobs: Blobs) -> None:
    digest = blobs.put(b"good")
    corrupt(blobs, digest, b"evil")
    with pytest.raises(BlobCorrupt):
        blobs.read(digest)
    assert [each.digest for each in blobs.quarantine] == [digest]
    assert not blobs.exists(digest)


def test_a_missing_bucket_is_told(cloud: Cloud) -> None:
    store = Store(cloud[0].replace("nettailor", "nobucket") + "/x")
    for call in (lambda: store.exists("a"), lambda: store.names("a"), lambda: store.read("a")):
        with pytest.raises(StoreUnavailable, match="there is no bucket 'nobucket'"):
            call()
    with pytest.raises(StoreUnavailable):
        store.write("a", b"")


def test_one_that_is_away_is_told_in_time(cloud: Cloud, blobs: Blobs, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last test of the module: the emulator is stopped, and killed by its fixture."""
    digest = blobs.put(b"content")
    cloud[1].kill()
    cloud[1].wait()
    monkeypatch.setattr(remote, "_PATIENCE_SECONDS", 1.0)
    with pytest.raises(StoreUnavailable):
        blobs.exists(digest)
    with pytest.raises(StoreUnavailable):
        blobs.read(digest)
