"""`max_minutes`: what of the recipe fits into the time, decided before each stage and kept in the decision log.

First the extras are given up (learning rates, longer cycles, folds), then epochs; the search over k ends when another
candidate would not fit. There is always a bundle: at the least the student itself.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import Any

from trainer.errors import TimeTooShort
from trainer.events import Json
from trainer.recipe.config import RecipeConfig
from trainer.recipe.timing.decision_log import DecisionLog
from trainer.recipe.timing.elapsed import Elapsed
from trainer.recipe.timing.throughput import Throughput, Throughputs
from trainer.training.fit import Epoch
from trainer.training.schedule import Schedule

WORTH = 0.6  # share of a schedule's epochs below which extras go first
RESERVE = 0.03  # share of the time that is kept for the end, beside what networks are measured on
EVALUATION = 0.5  # a pass without gradient, in passes of the teacher's training


@dataclass(frozen=True, kw_only=True)
class ExpectedSearch:
    """How many networks a search trains on its way down, and how many of them it polishes."""

    cuts: int
    polished: int


EXPECTED = ExpectedSearch(cuts=8, polished=2)
SHORTEST = ExpectedSearch(cuts=2, polished=1)
LONGEST = ExpectedSearch(cuts=1000, polished=4)  # as many cuts as there are blocks
_SHORT = ExpectedSearch(cuts=3, polished=1)  # where time is short


@dataclass(frozen=True, kw_only=True)
class TimeBudget:
    """`throughputs` are as measured before the first stage; `images` are in the training split of a fold,
    `measured_images` what each network is measured on at the end; `history` has the epochs of the runs that are done,
    by "<fold>/<run>".
    """

    minutes: float
    elapsed: Elapsed
    decision_log: DecisionLog
    throughputs: Throughputs
    images: int
    measured_images: int
    history: Mapping[str, Sequence[Epoch]]
    log: Callable[[str], None]

    def teachers(self, config: RecipeConfig, folds: int) -> tuple[RecipeConfig, int]:
        """The configuration, and the number of folds, to train with; later stages are shortened when they come.

        Raises `TimeTooShort`.
        """

        def decide() -> dict[str, Any]:
            left = self._left()
            shortest = self.throughputs.teacher.seconds(1, self.images) + self.throughputs.student.seconds(
                1, self.images
            )
            if shortest > left:
                return {"needed": (shortest + self._reserve + self.elapsed.seconds) / 60, "epochs": 0, "planned": 0.0}
            for rung, pooled, search in _rungs(config, folds):
                share = left / self._whole(rung, pooled, search)
                if share >= WORTH:
                    break
            epochs = None if share >= 1 else max(1, int(share * self._epochs(config.teacher)))
            return {
                "folds": pooled,
                "lrs": rung.teacher_lrs,
                "cycles": rung.teacher_cycles,
                "epochs": epochs,
                "cuts": search.cuts,
                "polished": search.polished,
                "planned": min(1.0, share) * self._teachers(rung, pooled),
            }

        made = self._made("teacher", decide)
        if "needed" in made:
            raise TimeTooShort(self.minutes, made["needed"])
        config = replace(config, teacher_lrs=tuple(made["lrs"]), teacher_cycles=tuple(made["cycles"]))
        return replace(config, teacher=shortened(config.teacher, made["epochs"])), int(made["folds"])

    def students(self, config: RecipeConfig, folds: int) -> RecipeConfig:
        """With the student's schedule that fits."""

        def decide() -> dict[str, Any]:
            # A machine that got slower slows all runs; but one teacher that was faster than measured promises nothing.
            slower = max(1.0, self._slower("teacher", self.throughputs.teacher))
            student, candidate = self.throughputs.student.scaled(slower), self.throughputs.candidate.scaled(slower)
            full = self._epochs(config.student)
            made = self.decision_log.get("teacher")
            search = ExpectedSearch(cuts=int(made["cuts"]), polished=int(made["polished"]))
            whole = folds * (student.seconds(full, self.images) + self._searching(candidate, config, search))
            share = self._left() / whole
            epochs = None if share >= 1 else max(1, int(share * full))
            return {"epochs": epochs, "planned": folds * student.seconds(epochs or full, self.images)}

        return replace(config, student=shortened(config.student, self._made("student", decide)["epochs"]))

    def candidates(self, config: RecipeConfig, folds: int) -> RecipeConfig:
        """With the schedule of the long retraining that fits: half of it at least, for as many networks as that
        allows."""

        def decide() -> dict[str, Any]:
            full, throughput = self._epochs(config.retrain), self._candidate_throughput()
            cuts = folds * EXPECTED.cuts * throughput.seconds(self._epochs(config.recover), self.images)
            left = max(0.0, self._left() - min(cuts, self._left() / 2))
            epochs, count = 1, 1
            for count in range(EXPECTED.polished, 0, -1):
                epochs = self._fitting(left / (count * folds))
                if epochs >= ceil(full / 2):
                    break
            epochs = min(full, max(1, epochs))
            planned = cuts + count * folds * throughput.seconds(epochs, self.images)
            return {"epochs": None if epochs == full else epochs, "planned": planned}

        return replace(config, retrain=shortened(config.retrain, self._made("retrain", decide)["epochs"]))

    def allows(self, blocks: int, config: RecipeConfig, folds: int, *, polish: bool) -> bool:
        """Whether there is time for a cut down to so many blocks removed, and to polish a network after it; or to
        polish that one."""

        def decide() -> bool:
            schedules = [config.retrain] if polish else [config.recover, config.retrain]
            throughput = self._candidate_throughput()
            needed = folds * sum(throughput.seconds(self._epochs(schedule), self.images) for schedule in schedules)
            return needed <= self._left()

        allowed = bool(self.decision_log.made(f"{'polish' if polish else 'k'}{blocks:02d}", decide))
        if not allowed:
            what = "polishing the network" if polish else "the network"
            self.log(f"time: {self._left() / 60:.2f} minutes are left, too few for {what} without {blocks} blocks")
        return allowed

    def report(self) -> dict[str, Json]:
        """Minutes, planned and used, for the job's result."""
        stages = [(name, self.decision_log.get(name)) for name in ("teacher", "student", "retrain")]
        ends = [made["at"] for _, made in stages[1:]] + [self.elapsed.seconds]
        return {
            "max_minutes": self.minutes,
            "used_minutes": in_minutes(self.elapsed.seconds),
            "stages": [
                {
                    "stage": name,
                    "planned_minutes": in_minutes(made["planned"]),
                    "used_minutes": in_minutes(end - made["at"]),
                    "epochs": made["epochs"],
                }
                for (name, made), end in zip(stages, ends, strict=True)
            ],
        }

    def _made(self, stage: str, decide: Callable[[], dict[str, Any]]) -> Any:
        at = self.elapsed.seconds
        known = self.decision_log.get(stage) is not None
        made = self.decision_log.made(stage, lambda: decide() | {"at": at})
        if not known:
            epochs = "as the preset has it" if made["epochs"] is None else f"{made['epochs']} epochs"
            self.log(f"time: {stage} {epochs}, {made['planned'] / 60:.2f} of {self._left() / 60:.2f} minutes left")
        return made

    def _left(self) -> float:
        return 60 * self.minutes - self.elapsed.seconds - self._reserve

    @property
    def _reserve(self) -> float:
        """Seconds that are kept for the end: what networks are measured on, and a share of the whole."""
        tested = self.measured_images * (EXPECTED.cuts + 1) * self.throughputs.teacher.image * EVALUATION
        return RESERVE * 60 * self.minutes + tested

    def _epochs(self, schedule: Schedule) -> int:
        return schedule.epochs_of(self.images)

    def _whole(self, config: RecipeConfig, folds: int, search: ExpectedSearch) -> float:
        student = self.throughputs.student.seconds(self._epochs(config.student), self.images)
        return self._teachers(config, folds) + folds * (
            student + self._searching(self.throughputs.candidate, config, search)
        )

    def _searching(self, throughput: Throughput, config: RecipeConfig, search: ExpectedSearch) -> float:
        """Seconds of one fold's search."""
        recover = throughput.seconds(self._epochs(config.recover), self.images)
        return search.cuts * recover + search.polished * throughput.seconds(self._epochs(config.retrain), self.images)

    def _teachers(self, config: RecipeConfig, folds: int) -> float:
        """The search over schedules, in every fold, and the features that it starts from."""
        epochs = self._epochs(config.teacher)
        runs = [*(epochs for _ in config.teacher_lrs), *(epochs * cycle for cycle in config.teacher_cycles)]
        probe = EVALUATION * self.throughputs.teacher.seconds(0, self.images)
        return folds * (probe + sum(self.throughputs.teacher.seconds(run, self.images) for run in runs))

    def _fitting(self, seconds: float) -> int:
        """Epochs of a candidate's run that fit."""
        one = self._candidate_throughput().seconds(0, self.images)
        return int(seconds / one) - 1

    def _candidate_throughput(self) -> Throughput:
        return self.throughputs.candidate.scaled(self._slower("student", self.throughputs.student))

    def _slower(self, kind: str, measured: Throughput) -> float:
        """How many times longer the runs of a kind took than was measured on a few batches."""
        runs = [epochs for name, epochs in self.history.items() if name.partition("/")[2].startswith(kind)]
        seconds = [epoch.seconds for epochs in runs for epoch in epochs]
        return sum(seconds) / len(seconds) / (self.images * measured.image) if seconds else 1.0


def _rungs(config: RecipeConfig, folds: int) -> Iterator[tuple[RecipeConfig, int, ExpectedSearch]]:
    """Configuration, folds and search to plan for, each cheaper than the one before."""
    yield config, folds, EXPECTED
    middle = replace(config, teacher_lrs=(config.teacher_lrs[len(config.teacher_lrs) // 2],))
    yield middle, folds, EXPECTED
    plain = replace(middle, teacher_cycles=())
    yield plain, folds, EXPECTED
    yield plain, 1, EXPECTED
    yield plain, 1, _SHORT


def shortened(schedule: Schedule, epochs: int | None) -> Schedule:
    """A schedule of so many epochs; where `epochs` is None, the schedule as it is."""
    return schedule if epochs is None else replace(schedule, epochs=epochs, min_images=0)


def in_minutes(seconds: float) -> float:
    return round(seconds / 60, 3)
