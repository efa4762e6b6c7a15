"""The reserve of the disk: what would touch it is refused, and readiness falls before it is gone."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from hosting.disk.reserve import MIB, NO_RESERVE, DiskReserve
from hosting.errors import InsufficientStorage, ReserveNearlyGone
from hosting.settings.settings import Settings


class Usage(NamedTuple):
    total: int
    used: int
    free: int


Disk = Callable[[int, int], None]


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    """Sets how large the disk is and what is free on it, in MiB."""

    def fill(total: int, free: int) -> None:
        usage = Usage(total * MIB, (total - free) * MIB, free * MIB)
        monkeypatch.setattr(shutil, "disk_usage", lambda _folder: usage)

    return fill


def test_a_large_disk_keeps_256_mib_and_a_small_one_two_percent(tmp_path: Path, disk: Disk) -> None:
    reserve = DiskReserve([tmp_path])
    for total, kept in ((1_000_000, 256), (12_800, 256), (1_000, 20)):
        disk(total, kept)
        reserve.check()
        disk(total, kept - 1)
        with pytest.raises(InsufficientStorage, match=f"{kept - 1}.0 MiB are free, of which {kept}.0 MiB are kept"):
            reserve.check()


def test_what_is_to_come_counts(tmp_path: Path, disk: Disk) -> None:
    disk(1_000, 100)
    reserve = DiskReserve([tmp_path], 30 * MIB)
    reserve.check(70 * MIB)
    with pytest.raises(InsufficientStorage, match=r"71.0 MiB are needed and 100.0 MiB are free"):
        reserve.check(71 * MIB)


def test_readiness_falls_when_half_of_it_is_gone(tmp_path: Path, disk: Disk) -> None:
    reserve = DiskReserve([tmp_path], 30 * MIB)
    disk(1_000, 15)
    reserve.check_alarm()
    disk(1_000, 14)
    with pytest.raises(ReserveNearlyGone, match=r"14.0 MiB are free, and 30.0 MiB should be"):
        reserve.check_alarm()


def test_without_a_reserve_nothing_is_refused_beforehand(tmp_path: Path, disk: Disk) -> None:
    disk(1_000, 0)
    DiskReserve([tmp_path], 0).check()
    DiskReserve([tmp_path], 0).check_alarm()
    NO_RESERVE.check(10**18)


def test_a_folder_that_is_not_there_yet_is_on_the_disk_of_its_parent(tmp_path: Path) -> None:
    DiskReserve([tmp_path / "not" / "yet"], 0).check()


@pytest.mark.parametrize(
    ("blobs_url", "folder"),
    [(None, "data/blobs"), ("s3://bucket/prefix", None), ("/elsewhere", "/elsewhere"), ("file:///there", "/there")],
)
def test_the_disk_of_the_blobs_counts_where_they_are_on_one(
    tmp_path: Path, blobs_url: str | None, folder: str | None
) -> None:
    settings = Settings(data_dir=tmp_path / "data", blobs_url=blobs_url)
    assert settings.blobs_folder == (None if folder is None else tmp_path / folder)
    with pytest.raises(InsufficientStorage):
        Settings(data_dir=tmp_path, blobs_url=blobs_url, disk_reserve_bytes=10**18).disk_reserve.check()
