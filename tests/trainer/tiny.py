"""A task small enough to be tailored in a second: coloured noise, one colour a class."""

from dataclasses import replace
from pathlib import Path

import torch

from nettailor.bundle.preprocessing import IMAGENET_MEAN, IMAGENET_STD, Preprocessing
from nettailor.network.backbones import Backbone, build_backbone
from tests.trainer import tiny_geometry
from trainer.recipe.config import RecipeConfig
from trainer.training.data import TaskData
from trainer.training.images import LabelledImages
from trainer.training.schedule import Schedule

PREPROCESSING = Preprocessing(resize=16, crop=16, mean=IMAGENET_MEAN, std=IMAGENET_STD)


def coloured(count: int, classes: int, seed: int) -> LabelledImages:
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % classes
    colours = torch.randint(0, 200, (classes, 3, 1, 1), generator=torch.Generator().manual_seed(99))
    noise = torch.randint(0, 56, (count, 3, 20, 20), generator=generator)
    wide = (colours[labels] + noise).to(torch.uint8)
    return LabelledImages.of(exact=wide[:, :, 2:18, 2:18].contiguous(), wide=wide, labels=labels)


def tiny_task(classes: int = 3) -> TaskData:
    return TaskData(
        classes=tuple(f"colour {i}" for i in range(classes)),
        train=coloured(36, classes, 0),
        val=coloured(12, classes, 1),
        test=coloured(12, classes, 2),
        digest="sha256:" + "0" * 64,
        preprocessing=PREPROCESSING,
    )


def tiny_config(**overrides: object) -> RecipeConfig:
    schedule = Schedule(epochs=2, lr=0.01, batch_size=12, clip=3.0)
    schedules = dict.fromkeys(("teacher", "student", "recover", "retrain"), schedule)
    return RecipeConfig.preset("fast", **{**schedules, "cut": 1, **overrides})


def tiniest_config(**overrides: object) -> RecipeConfig:
    """For tests that look at what is around the trainings: one step an epoch, one proxy a node, and no measurement of
    what pays, which comes out otherwise now and then. It takes half of the time."""
    tiny = tiny_config(**{"skips": 1, "bf16": False, "flip": False, **overrides})
    trainings = ("teacher", "student", "recover", "retrain")
    one_step = {name: replace(getattr(tiny, name), batch_size=36) for name in trainings}
    return replace(tiny, **{**one_step, **overrides})


def tiny_backbone(name: str = "", weights: Path | None = None) -> Backbone:
    """Random weights, the same each time, for images of 16 pixels, whatever `load_backbone` would be asked for. Its
    geometry has to be known (`tiny_geometry.known`)."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return build_backbone(tiny_geometry.NAME).requires_grad_(False)
