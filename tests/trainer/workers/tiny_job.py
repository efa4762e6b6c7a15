"""A job that `tiny_job_process` carries out in seconds, and the bundle that it must end with."""

from collections.abc import Callable
from pathlib import Path

import httpx
import torch

from nettailor.bundle.bundle import digest_of
from nettailor.bundle.manifest import Method
from tests.trainer import archives
from tests.trainer.tiny import tiniest_config, tiny_backbone
from trainer.intake.archives.limits import intake_limits
from trainer.intake.freeze import freeze
from trainer.recipe.pipeline import tailor
from trainer.recipe.timing.early_finish import FinishRequest, never
from trainer.settings import Settings

STAGES = ("intake", "teacher", "student", "prune", "retrain", "select", "publish")
UPLOAD = archives.zip_of(archives.class_folders(each=16))
SEED = 3


def submit(http: httpx.Client, query: str = "") -> str:
    answer = http.post(f"/tasks/pets/dataset?preset=fast&seed={SEED}{query}", content=UPLOAD)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def tiny_digest(
    folder: Path, finish: Callable[[], FinishRequest | None] = never, method: Method = "nettailor", folds: int = 1
) -> str:
    """The digest of the bundle that a run in one piece makes, in this process."""
    upload, dataset = folder / "upload", folder / "dataset.zip"
    upload.write_bytes(UPLOAD)
    freeze(upload, dataset, intake_limits(Settings()))
    config = tiniest_config(seed=SEED, method=method, folds=folds)
    torch.set_num_threads(1)  # as the job processes: another test of this process may have left another number
    made = tailor(
        "pets",
        dataset,
        config,
        backbone=tiny_backbone(),
        report=lambda event: None,
        checkpoints=folder,
        finish=finish,
    )
    return digest_of(made.bundle)
