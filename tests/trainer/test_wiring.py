"""What a service cleans up in its data folder."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import redis

from nettailor.durable import TEMPORARY_PREFIX
from tests.trainer.uploads import GOOD
from tests.waiting import until
from trainer.service import Service
from trainer.settings import Settings
from trainer.wiring import housekeeping, left_files, open_jobs

LONG = 100 * 24 * 3600.0


def _left(settings: Settings) -> list[Path]:
    return [file.path for file in left_files(settings, now=time.time() + LONG)]


def test_an_upload_that_is_being_received_is_not_taken_for_left(http: httpx.Client, service: Service) -> None:
    found: list[Path] = []

    def body() -> Iterator[bytes]:
        yield GOOD[:100]
        until(lambda: list(service.settings.uploads_dir.glob("upload-*")))
        found.extend(_left(service.settings))
        yield GOOD[100:]

    assert http.post("/tasks/pets/dataset", content=body()).status_code == 202
    assert found == []
    assert not list(service.settings.uploads_dir.iterdir())


def test_what_was_left_in_every_place_goes(settings: Settings, redis_client: "redis.Redis") -> None:
    assert settings.blobs_folder is not None
    left = [
        settings.uploads_dir / "upload-abc",
        settings.work_dir / "j" / f"{TEMPORARY_PREFIX}1",
        settings.blobs_folder / "sha256" / "ab" / f"{TEMPORARY_PREFIX}2",
        settings.blobs_folder / "records" / "signs" / f"{TEMPORARY_PREFIX}3",
    ]
    kept = [settings.uploads_dir / "something", settings.blobs_folder / "jobs" / "j.json"]
    for path in (*left, *kept):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"half")
        os.utime(path, (0, 0))
    assert set(_left(settings)) == set(left)
    housekeeping(settings, open_jobs(settings, redis_client)).do()
    assert not any(path.exists() for path in left)
    assert all(path.exists() for path in kept)


def test_the_service_itself_cleans_up_when_it_starts(settings: Settings) -> None:
    left = settings.uploads_dir / "upload-abc"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half")
    os.utime(left, (0, 0))
    assert settings.redis_url is not None
    with Service(settings, settings.redis_url):
        until(lambda: not left.exists())
