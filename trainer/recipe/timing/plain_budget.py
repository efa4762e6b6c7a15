"""`max_minutes` of a method that trains nothing but what it adds to the backbone: what fits into the time.

First learning rates are given up, then folds, then epochs; in the end nothing but the classifier is fitted.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from trainer.errors import TimeTooShort
from trainer.events import Json
from trainer.recipe.config import RecipeConfig
from trainer.recipe.timing.decision_log import DecisionLog
from trainer.recipe.timing.elapsed import Elapsed
from trainer.recipe.timing.throughput import Throughput
from trainer.recipe.timing.time_budget import EVALUATION, RESERVE, WORTH, in_minutes, shortened

_PASSES = {"frozen": 1, "task": 3}  # over the images before training: for statistics, and for probes of both features
_NAME = "student"  # in the decision log


@dataclass(frozen=True, kw_only=True)
class PlainBudget:
    """`throughput` is that of training as measured before, with a method that trains nothing twice that of a pass;
    `images` are in the training split of a fold, `measured_images` what is looked at, at the end."""

    minutes: float
    elapsed: Elapsed
    decision_log: DecisionLog
    throughput: Throughput
    images: int
    measured_images: int
    log: Callable[[str], None]

    def plan(self, config: RecipeConfig, folds: int) -> tuple[RecipeConfig, int]:
        """The configuration, and the number of folds, to train with. Raises `TimeTooShort`."""
        made = self.decision_log.made(_NAME, lambda: self._decide(config, folds) | {"at": self.elapsed.seconds})
        if "needed" in made:
            raise TimeTooShort(self.minutes, made["needed"])
        if not config.trains_plain:
            return config, int(made["folds"])
        if not made["rates"]:
            self.log("time: there is none to train anything but the classifier")
            return replace(config, adapts=False), int(made["folds"])
        config = replace(config, method_lrs=tuple(made["rates"]))
        return replace(config, student=shortened(config.student, made["epochs"])), int(made["folds"])

    def allows(self, number: int, config: RecipeConfig, folds: int) -> bool:
        """Whether there is time for the learning rate of this number, counted from 1."""
        needed = self._training(config, 1, folds)
        allowed = bool(self.decision_log.made(_rate_name(number), lambda: number == 1 or needed <= self._left()))
        if not allowed:
            self.log(f"time: {self._left() / 60:.2f} minutes are left, too few for another learning rate")
        return allowed

    def skipped(self, config: RecipeConfig, folds: int) -> Iterator[str]:
        """What was not done of that, which is as it would be without a limit, in words for people."""
        made, full = self.decision_log.get(_NAME), self._epochs(config)
        tried = self._tried(len(made["rates"]))
        if config.trains_plain and not made["rates"]:
            yield f"{_NAME}: all but the classifier"
        elif config.trains_plain and tried < len(config.rates):
            yield f"{_NAME}: {tried} of {len(config.rates)} learning rates"
        if made["epochs"] is not None and made["epochs"] < full:
            yield f"{_NAME}: {made['epochs']} of {full} epochs"
        if made["folds"] < folds:
            yield f"validation: {made['folds']} of {folds} folds"

    def _tried(self, planned: int) -> int:
        """How many of the planned rates there was time for: none is asked for after one that was refused."""
        asked = (self.decision_log.get(_rate_name(number)) for number in range(1, planned + 1))
        return next((place for place, allowed in enumerate(asked) if allowed is False), planned)

    def report(self) -> dict[str, Json]:
        """Minutes, planned and used, for the job's result."""
        made = self.decision_log.get(_NAME)
        stage: dict[str, Json] = {
            "stage": _NAME,
            "planned_minutes": in_minutes(made["planned"]),
            "used_minutes": in_minutes(self.elapsed.seconds - made["at"]),
            "epochs": made["epochs"],
        }
        used = in_minutes(self.elapsed.seconds)
        return {"max_minutes": self.minutes, "used_minutes": used, "stages": [stage]}

    def _decide(self, config: RecipeConfig, folds: int) -> dict[str, Any]:
        left = self._left()
        for rates, pooled in _rungs(config, folds):
            probes, training = self._probes(config, pooled), self._training(config, len(rates), pooled)
            share = (left - probes) / training if training else float(probes <= left)
            if share >= WORTH:
                break
        epochs = self._epochs(config)
        if training and int(share * epochs) < 1:
            rates, training = (), 0.0
        if probes > left:
            return {"needed": (probes + self._reserve + self.elapsed.seconds) / 60}
        return {
            "rates": rates,
            "folds": pooled,
            "epochs": int(share * epochs) if rates and share < 1 else None,
            "planned": probes + min(1.0, share) * training,
        }

    def _training(self, config: RecipeConfig, rates: int, folds: int) -> float:
        runs = rates * folds if config.trains_plain else 0
        return runs * self.throughput.seconds(self._epochs(config), self.images)

    def _probes(self, config: RecipeConfig, folds: int) -> float:
        passes = 2 if config.method == "packnet" else _PASSES[config.statistics]  # its features are its chain's
        return folds * passes * EVALUATION * self.throughput.seconds(0, self.images)

    def _epochs(self, config: RecipeConfig) -> int:
        return config.student.epochs_of(self.images)

    def _left(self) -> float:
        return 60 * self.minutes - self.elapsed.seconds - self._reserve

    @property
    def _reserve(self) -> float:
        """Seconds that are kept for the end: what networks are measured on, and a share of the whole."""
        return RESERVE * 60 * self.minutes + self.measured_images * self.throughput.image * EVALUATION


def _rate_name(number: int) -> str:
    """In the decision log."""
    return f"rate{number:02d}"


def _rungs(config: RecipeConfig, folds: int) -> Iterator[tuple[tuple[float, ...], int]]:
    """Learning rates and folds to plan for, each cheaper than the one before."""
    rates = config.rates if config.trains_plain else ()
    middle = rates[len(rates) // 2 :][:1]
    yield rates, folds
    yield middle, folds
    yield middle, 1
