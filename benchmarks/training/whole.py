"""A whole tailoring, its stages timed."""

import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from benchmarks.training.progress import say
from nettailor.network.backbones import Backbone
from trainer.events import Event
from trainer.recipe.config import RecipeConfig
from trainer.recipe.pipeline import tailor


@dataclass(frozen=True, kw_only=True)
class Whole:
    """A whole tailoring: seconds of its stages, epochs and seconds of its runs, and what was waited for batches."""

    stages: Mapping[str, float]
    epochs: Mapping[str, int]  # by kind of run
    training_seconds: float
    waited: float

    @property
    def vs_finetuning(self) -> float:
        """The whole beside its teachers, which are plain fine-tuning with a search."""
        return sum(self.stages.values()) / self.stages["teacher"]

    @property
    def epoch_vs_finetuning(self) -> float:
        """The mean cost of an epoch of the tailoring, search and evaluation included, beside a teacher's."""
        whole = sum(self.stages.values()) / sum(self.epochs.values())
        return whole / (self.stages["teacher"] / self.epochs["teacher"])


class Observer:
    """Hears a tailoring's events and times its stages."""

    def __init__(self) -> None:
        self.stages: dict[str, float] = defaultdict(float)
        self.epochs: dict[str, int] = defaultdict(int)
        self.totals: dict[str, float] = defaultdict(float)
        self._stage, self._since = "teacher", time.perf_counter()

    def hear(self, event: Event) -> None:
        self.settle(event.stage or self._stage)
        if event.kind == "epoch":
            self.epochs[str(event.fields["run"]).partition("-")[0]] += 1
            for name in ("seconds", "waited"):
                self.totals[name] += float(cast(float, event.fields[name]))
        if event.kind in ("stage", "candidate"):
            say(f"{event.stage}: { ({k: v for k, v in event.fields.items() if k != 'alphas'}) }")

    def settle(self, stage: str) -> None:
        """What was spent until now is the stage's before."""
        now = time.perf_counter()
        self.stages[self._stage] += now - self._since
        self._stage, self._since = stage, now


def tailor_once(archive: Path, backbone: Backbone, folder: Path, preset: Any) -> Whole:
    observer = Observer()
    config = RecipeConfig.preset(preset)
    tailor("benchmark", archive, config, backbone=backbone, report=observer.hear, checkpoints=folder)
    observer.settle("")
    return Whole(
        stages=dict(observer.stages),
        epochs=dict(observer.epochs),
        training_seconds=observer.totals["seconds"],
        waited=observer.totals["waited"],
    )
