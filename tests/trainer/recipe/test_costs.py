"""A table of measured milliseconds, from the setting to the recipe."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from nettailor.errors import CostTableInvalid
from tests.processes.environment import set_only
from tests.trainer import archives, fake_recipe
from tests.trainer.recipe.runs import tailored
from tests.trainer.tables import write_table
from tests.trainer.tiny import tiniest_config
from tests.trainer.tiny_geometry import NAME
from trainer.service import Service
from trainer.settings import Settings
from trainer.workers import tailoring


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Every block costs a hundred times what every proxy costs."""
    return write_table(tmp_path / "costs.json", block=1.0, proxy=0.01)


def test_the_setting_reaches_the_recipe(
    http: httpx.Client, service: Service, settings: Settings, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = http.post("/tasks/pets/dataset?preset=fast&seed=1", content=archives.zip_of(archives.class_folders())).json()[
        "id"
    ]
    seen: list[Any] = []

    def tailor(task: str, dataset: Path, config: Any, **options: Any) -> fake_recipe.Tailored:
        seen.append(config)
        return fake_recipe.tailor(task, dataset, config, **options)

    monkeypatch.setattr(tailoring, "tailor", tailor)
    set_only(monkeypatch, DATA_DIR=settings.data_dir, REDIS_URL=settings.redis_url, COST_TABLE=table)
    service.stop()  # its reconciler would take a run without a worker for a lost one
    tailoring.run(job, 1)
    assert [config.cost_table for config in seen] == [table]
    assert service.jobs.store.get(job).state == "succeeded"


def test_a_network_is_tailored_for_the_table(tmp_path: Path) -> None:
    table = write_table(tmp_path / "costs.json", backbone=NAME)
    manifest = tailored(tmp_path, config=tiniest_config(cost_table=table)).manifest
    assert manifest.recipe["cost_table"] == "costs.json"


def test_a_service_does_not_start_with_an_unusable_table(settings: Settings, table: Path) -> None:
    table.write_text(json.dumps(json.loads(table.read_text()) | {"backbone": "resnet34"}))
    assert settings.redis_url is not None
    broken = Service(settings.model_copy(update={"cost_table": table}), settings.redis_url)
    try:
        with pytest.raises(CostTableInvalid, match="resnet34"):
            broken.start()
    finally:
        broken.stop()
