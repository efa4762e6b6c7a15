"""Versions that jobs made are compared by what the jobs recorded, the whole way over HTTP."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from nettailor.bundle.bundle import decode
from nettailor_client import Client
from registry.http.app import create_app
from registry.registry import Registry
from registry.versions.evaluation import evaluation_of
from tests.processes.environment import set_only
from tests.serving import served
from tests.trainer import archives, tiny_geometry
from tests.trainer.tiny import tiniest_config, tiny_backbone
from trainer.jobs.options import TailorOptions
from trainer.recipe.config import RecipeConfig
from trainer.service import Service
from trainer.settings import Settings
from trainer.training.evaluate import measure_accuracy
from trainer.workers import tailoring


def _config(options: TailorOptions, settings: Settings) -> RecipeConfig:
    return tiniest_config(seed=options.seed, method=options.method)


@pytest.fixture(autouse=True)
def _tiny_geometry_is_known() -> Iterator[None]:
    with tiny_geometry.known():
        yield


@pytest.fixture
def made(http: httpx.Client, service: Service, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Registry:
    """Two versions of `pets`, tailored to the same images by two methods, the second of which is the fastest."""
    set_only(monkeypatch, DATA_DIR=settings.data_dir, REDIS_URL=settings.redis_url)
    monkeypatch.setattr(tailoring, "load_backbone", tiny_backbone)
    monkeypatch.setattr(tailoring, "recipe_config_of", _config)
    service.stop()  # its reconciler would take a run without a worker for a lost one
    data = archives.zip_of(archives.class_folders(each=20))
    for method in ("nettailor", "features"):
        job = http.post("/tasks/pets/dataset", params={"seed": 1, "method": method}, content=data).json()["id"]
        tailoring.run(job, 1)
        found: Any = service.jobs.store.get(job)
        assert found.state == "succeeded", found.error
    return service.registry


def test_versions_of_two_jobs(made: Registry, tmp_path: Path) -> None:
    with served(create_app(made)) as url, Client(url) as client:
        found = client.compare("pets", [1, 2])
    assert [version.version for version in found.versions] == [1, 2]
    for version in found.versions:
        record = made.version_record("pets", version.version)
        dataset = tmp_path / f"{version.version}.zip"
        made.blobs.fetch(record.manifest.dataset, dataset)
        assert version.accuracy == pytest.approx(record.manifest.metrics.student.test)
        assert version.accuracy == measure_accuracy(decode(made.read_bundle(record)), dataset, tiny_backbone())
        assert version.macs == record.manifest.complexity.macs
        assert version.milliseconds > 0
    one, two = (evaluation_of(made.version_record("pets", v), made.blobs).right for v in (1, 2))
    difference = found.versions[1].difference
    assert difference is not None
    assert (difference.gained, difference.lost) == (int(np.sum(two & ~one)), int(np.sum(one & ~two)))
