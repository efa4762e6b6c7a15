"""`max_minutes`: what of the recipe fits into the time, decided ahead of each stage and kept.

First go the extras (folds, longer cycles, learning rates), then epochs; the search over k ends when another candidate
would not fit. There is always a bundle: at the least the student itself.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from math import ceil
from typing import Any

from trainer.errors import TimeTooShort
from trainer.events import Json
from trainer.recipe.config import RecipeConfig
from trainer.recipe.decision_log import DecisionLog
from trainer.recipe.elapsed import Elapsed
from trainer.recipe.throughput import Throughput
from trainer.training.fit import Epoch, Schedule

CANDIDATES = 6  # that a search is expected to try
_FEW_CANDIDATES = 2  # where time is short
_WORTH = 0.6  # share of a schedule's epochs below which extras go first
_RESERVE = 0.03  # share of the time that is kept for the end, beside the test split
_EVALUATION = 0.5  # a pass without gradient, in passes of the teacher's training


class TimeBudget:
    """`images` and `test_images`: in the training split of a fold, and in the test split. `measure` gives the paces of
    teacher and student; `history` has the epochs of the runs that are done, by "<fold>/<run>".

    Raises `TimeTooShort`.
    """

    def __init__(
        self,
        *,
        minutes: float,
        clock: Elapsed,
        decisions: DecisionLog,
        measure: Callable[[], tuple[Throughput, Throughput]],
        images: int,
        test_images: int,
        history: Mapping[str, Sequence[Epoch]],
        log: Callable[[str], None],
    ) -> None:
        self._minutes, self._clock, self._decisions = minutes, clock, decisions
        self._images, self._history, self._log = images, history, log
        paces = decisions.made("paces", lambda: [asdict(pace) for pace in measure()])
        self._teacher, self._student = (Throughput(**pace) for pace in paces)
        tested = test_images * (CANDIDATES + 1) * self._teacher.image * _EVALUATION
        self._reserve = _RESERVE * 60 * minutes + tested

    def teachers(self, config: RecipeConfig, folds: int) -> tuple[RecipeConfig, int]:
        """The configuration, and the number of folds, to train with; later stages are shortened when they come."""

        def decide() -> dict[str, Any]:
            left = self._left()
            shortest = self._teacher.seconds(1, self._images) + self._student.seconds(1, self._images)
            if shortest > left:
                return {"needed": (shortest + self._reserve + self._clock.seconds) / 60, "epochs": 0, "planned": 0.0}
            for rung, pooled, candidates in _rungs(config, folds):
                share = left / self._whole(rung, pooled, candidates)
                if share >= _WORTH:
                    break
            epochs = None if share >= 1 else max(1, int(share * self._epochs(config.teacher)))
            return {
                "folds": pooled,
                "lrs": rung.teacher_lrs,
                "cycles": rung.teacher_cycles,
                "epochs": epochs,
                "candidates": candidates,
                "planned": min(1.0, share) * self._teachers(rung, pooled),
            }

        made = self._made("teacher", decide)
        if "needed" in made:
            raise TimeTooShort(self._minutes, made["needed"])
        config = replace(config, teacher_lrs=tuple(made["lrs"]), teacher_cycles=tuple(made["cycles"]))
        return replace(config, teacher=_shortened(config.teacher, made["epochs"])), int(made["folds"])

    def students(self, config: RecipeConfig, folds: int) -> RecipeConfig:
        """With the student's schedule that fits."""

        def decide() -> dict[str, Any]:
            # a machine that got slower slows all; one teacher that was faster than measured promises nothing
            pace = self._student.scaled(max(1.0, self._slower("teacher", self._teacher)))
            full = self._epochs(config.student)
            candidates = int(self._decisions.get("teacher")["candidates"])
            one = pace.seconds(self._epochs(config.retrain), self._images)
            whole = folds * (pace.seconds(full, self._images) + candidates * one)
            share = self._left() / whole
            epochs = None if share >= 1 else max(1, int(share * full))
            return {"epochs": epochs, "planned": folds * pace.seconds(epochs or full, self._images)}

        return replace(config, student=_shortened(config.student, self._made("student", decide)["epochs"]))

    def candidates(self, config: RecipeConfig, folds: int) -> RecipeConfig:
        """With the schedule of retraining that fits: half of it at least, for as many candidates as that allows."""

        def decide() -> dict[str, Any]:
            full = self._epochs(config.retrain)
            epochs, count = 1, 1
            for count in range(CANDIDATES, 0, -1):
                seconds = max(0.0, self._left()) / (count * folds)
                epochs = self._fitting(seconds)
                if epochs >= ceil(full / 2):
                    break
            epochs = min(full, max(1, epochs))
            planned = count * folds * self._pace_of_candidates().seconds(epochs, self._images)
            return {"epochs": None if epochs == full else epochs, "planned": planned}

        return replace(config, retrain=_shortened(config.retrain, self._made("retrain", decide)["epochs"]))

    def allows(self, blocks: int, config: RecipeConfig, folds: int) -> bool:
        """Whether there is time for the candidate with so many blocks removed."""

        def decide() -> bool:
            needed = folds * self._pace_of_candidates().seconds(self._epochs(config.retrain), self._images)
            return needed <= self._left()

        allowed = bool(self._decisions.made(f"k{blocks:02d}", decide))
        if not allowed:
            self._log(
                f"time: {self._left() / 60:.2f} minutes are left, too few for the candidate without {blocks} blocks"
            )
        return allowed

    def report(self) -> dict[str, Json]:
        """Minutes, planned and used, for the job's result."""
        stages = [(name, self._decisions.get(name)) for name in ("teacher", "student", "retrain")]
        ends = [made["at"] for _, made in stages[1:]] + [self._clock.seconds]
        return {
            "max_minutes": self._minutes,
            "used_minutes": _minutes(self._clock.seconds),
            "stages": [
                {
                    "stage": name,
                    "planned_minutes": _minutes(made["planned"]),
                    "used_minutes": _minutes(end - made["at"]),
                    "epochs": made["epochs"],
                }
                for (name, made), end in zip(stages, ends, strict=True)
            ],
        }

    def _made(self, stage: str, decide: Callable[[], dict[str, Any]]) -> Any:
        at = self._clock.seconds
        known = self._decisions.get(stage) is not None
        made = self._decisions.made(stage, lambda: decide() | {"at": at})
        if not known:
            epochs = "as the preset has it" if made["epochs"] is None else f"{made['epochs']} epochs"
            self._log(f"time: {stage} {epochs}, {made['planned'] / 60:.2f} of {self._left() / 60:.2f} minutes left")
        return made

    def _left(self) -> float:
        return 60 * self._minutes - self._clock.seconds - self._reserve

    def _epochs(self, schedule: Schedule) -> int:
        return schedule.fitted(self._images).epochs

    def _whole(self, config: RecipeConfig, folds: int, candidates: int) -> float:
        student = self._student.seconds(self._epochs(config.student), self._images)
        retrain = self._student.seconds(self._epochs(config.retrain), self._images)
        return self._teachers(config, folds) + folds * (student + candidates * retrain)

    def _teachers(self, config: RecipeConfig, folds: int) -> float:
        """All of the search over schedules in the first fold, the longest in the others."""
        epochs, cycles = self._epochs(config.teacher), config.teacher_cycles
        searched = [*(epochs for _ in config.teacher_lrs), *(epochs * cycle for cycle in cycles)]
        runs = searched + [epochs * max(cycles, default=1)] * (folds - 1)
        return sum(self._teacher.seconds(run, self._images) for run in runs)

    def _fitting(self, seconds: float) -> int:
        """Epochs of a candidate's run that fit."""
        one = self._pace_of_candidates().seconds(0, self._images)
        return int(seconds / one) - 1

    def _pace_of_candidates(self) -> Throughput:
        return self._student.scaled(self._slower("student", self._student))

    def _slower(self, kind: str, pace: Throughput) -> float:
        """How much longer the runs of a kind took than was measured on a few batches."""
        runs = [epochs for name, epochs in self._history.items() if name.partition("/")[2].startswith(kind)]
        seconds = [epoch.seconds for epochs in runs for epoch in epochs]
        return sum(seconds) / len(seconds) / (self._images * pace.image) if seconds else 1.0


def _rungs(config: RecipeConfig, folds: int) -> Iterator[tuple[RecipeConfig, int, int]]:
    """Configuration, folds and candidates to plan for, each cheaper than the one before."""
    yield config, folds, CANDIDATES
    yield replace(config, teacher_cycles=()), folds, CANDIDATES
    middle = config.teacher_lrs[len(config.teacher_lrs) // 2]
    plain = replace(config, teacher_cycles=(), teacher_lrs=(middle,))
    yield plain, folds, CANDIDATES
    yield plain, 1, CANDIDATES
    yield plain, 1, _FEW_CANDIDATES


def _shortened(schedule: Schedule, epochs: int | None) -> Schedule:
    """None: as it is."""
    return schedule if epochs is None else replace(schedule, epochs=epochs, min_steps=0)


def _minutes(seconds: float) -> float:
    return round(seconds / 60, 3)
