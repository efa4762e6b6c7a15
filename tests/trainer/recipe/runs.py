"""Runs of the recipe on a tiny task, whole or broken off."""

from collections.abc import Callable
from pathlib import Path

import torch

from nettailor.network.backbones import Backbone, build_backbone
from tests.trainer.tiny import tiny_config, tiny_task
from trainer.events import Event
from trainer.recipe.config import RecipeConfig
from trainer.recipe.pipeline import tailor_data
from trainer.recipe.result import Tailored


class Broken(Exception):
    """The process "dies" here."""


def seeded_backbone() -> Backbone:
    torch.manual_seed(0)
    return build_backbone("mini26")


def tailored(
    checkpoints: Path, report: Callable[[Event], None] = lambda event: None, config: RecipeConfig | None = None
) -> Tailored:
    backbone = seeded_backbone()
    config = config or tiny_config()
    return tailor_data("colours", tiny_task(), config, backbone=backbone, report=report, checkpoints=checkpoints)
