"""Runs of the recipe on a tiny task, whole or broken off."""

from collections.abc import Callable
from pathlib import Path

import torch

from nettailor.complexity.counting import path_costs
from nettailor.network.backbones import Backbone, build_backbone
from tests.trainer import tiny_geometry
from tests.trainer.tiny import tiny_config, tiny_task
from trainer.events import Event
from trainer.recipe.config import RecipeConfig
from trainer.recipe.fold import Fold, OnEpoch
from trainer.recipe.pipeline import tailor_data
from trainer.recipe.result import Tailored
from trainer.recipe.sharing.crew import Helpers
from trainer.recipe.timing.early_finish import FinishRequest, never


class Broken(Exception):
    """The process "dies" here."""


def seeded_backbone(name: str = tiny_geometry.NAME) -> Backbone:
    torch.manual_seed(0)
    return build_backbone(name)


def tailored(
    checkpoints: Path,
    report: Callable[[Event], None] = lambda event: None,
    config: RecipeConfig | None = None,
    finish: Callable[[], FinishRequest | None] = never,
    helpers: Helpers | None = None,
) -> Tailored:
    return tailor_data(
        "colours",
        tiny_task(),
        config or tiny_config(),
        backbone=seeded_backbone(),
        report=report,
        checkpoints=checkpoints,
        finish=finish,
        helpers=helpers,
    )


def fold_in(folder: Path, on_epoch: OnEpoch = lambda name, schedule, epoch, model: None) -> Fold:
    task, backbone = tiny_task(), seeded_backbone()
    return Fold(
        config=tiny_config(),
        backbone=backbone,
        preprocessing=task.preprocessing,
        classes=3,
        train=task.train,
        val=task.val,
        flip=False,
        costs=path_costs(backbone.geometry, task.preprocessing.crop),
        folder=folder,
        on_epoch=on_epoch,
    )
