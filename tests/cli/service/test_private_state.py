"""What a real `nettailor up` writes is for its user alone, though it is started by one who shares everything."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.demo.data import write_signs
from cli.service.local_service import LocalService
from nettailor_client import Client
from tests.bundles import tiny_bytes
from tests.waiting import until


@pytest.fixture
def sharing() -> Iterator[None]:
    """A umask that lets everybody read and write."""
    before = os.umask(0)
    yield
    os.umask(before)


def open_to_others(folder: Path) -> list[str]:
    return [
        f"{oct(path.lstat().st_mode)} {path}"
        for path in (folder, *folder.rglob("*"))
        if not path.is_symlink() and path.lstat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)
    ]


def test_nothing_in_the_data_folder_is_open_to_others(sharing: None, tmp_path: Path, backbone: str) -> None:
    data, archive = tmp_path / "shared" / "data", tmp_path / "signs.zip"
    write_signs(archive, train=10, test=2)
    up = LocalService(data)
    try:
        with Client(up.start()) as client:
            client.publish("signs", tiny_bytes())
            client.upload("signs", archive, options={"preset": "fast"})
            until(lambda: list((data / "jobs").rglob("*.*")), "the job keeps files of its own")
            assert open_to_others(data / "redis" / "redis.sock") == []
    finally:
        up.stop()  # so that no file comes or goes while they are looked at
    assert {"blobs", "redis", "jobs", "uploads", "workers"} <= {path.name for path in data.iterdir()}
    assert open_to_others(data) == []
