"""What a tailoring will do: its configuration once everything is decided, its folds, and what fits into the time."""

from dataclasses import asdict, dataclass, replace
from pathlib import Path

from nettailor.bundle.manifest import WHOLE_METHODS, may_have_ranges
from nettailor.cpu import bf16_pays
from trainer.events import Json
from trainer.recipe.config import RecipeConfig
from trainer.recipe.fold import Fold
from trainer.recipe.teachers.frozen_features import FrozenFeatures
from trainer.recipe.teachers.mirroring import mirror_keeps_class
from trainer.recipe.timing.decision_log import DecisionLog
from trainer.recipe.timing.elapsed import Elapsed
from trainer.recipe.timing.plain_budget import PlainBudget
from trainer.recipe.timing.progress_reporter import ProgressReporter
from trainer.recipe.timing.skipped import skipped
from trainer.recipe.timing.throughput import (
    Throughput,
    Throughputs,
    measure_plain_throughput,
    measure_teachers_throughput,
    measure_throughputs,
)
from trainer.recipe.timing.time_budget import EXPECTED, LONGEST, SHORTEST, ExpectedSearch, TimeBudget
from trainer.recipe.timing.work import IN_PASSES, EpochWork, in_seconds, in_teachers_seconds
from trainer.training.data import TaskData
from trainer.training.int8 import images_looked_at
from trainer.training.schedule import Schedule

_SHORT_WORK = 10_000  # passes over an image: whoever waits for less needs no forecast, which takes seconds itself
_SHORT_SECONDS = 900  # a rough forecast is good enough for what takes less: a better one takes ten


@dataclass(frozen=True, kw_only=True)
class WorkPlan:
    """What is trained: by which configuration, on how many folds of so many training images each, and whether `flip`
    mirrors some of them. `depth` is the number of the backbone's blocks."""

    config: RecipeConfig
    folds: int
    images: int
    flip: bool
    depth: int

    def work(self, unit: EpochWork, search: ExpectedSearch = EXPECTED) -> float:
        """How much there is to do, with a search of that length."""
        config, folds = self.config, self.folds
        if config.method in WHOLE_METHODS:
            return folds * self._teachers(len(config.rates), unit)
        if config.method != "nettailor":
            runs = folds * len(config.rates) if config.trains_plain else 0  # else nothing is trained by steps
            return runs * self._run(config.student, config.plain_run, unit) if runs else 0.0
        teacher = folds * self._teachers(len(config.teacher_lrs), unit)
        student = folds * self._run(config.student, "student", unit)
        search = ExpectedSearch(cuts=min(search.cuts, self.most_cuts), polished=search.polished)
        return teacher + student + self.search_work(unit, search)

    def search_work(self, unit: EpochWork, search: ExpectedSearch) -> float:
        """As `work`, of a search alone, or of what is left of one."""
        recover = self._run(self.config.recover, "recover", unit)
        retrain = self._run(self.config.retrain, "retrain", unit)
        return self.folds * (search.cuts * recover + search.polished * retrain)

    @property
    def most_cuts(self) -> int:
        """How often blocks can be removed until none is left."""
        return self.depth // self.config.cut

    def _teachers(self, rates: int, unit: EpochWork) -> float:
        """One for each rate, and the longer cycles."""
        epochs = self.config.teacher.epochs_of(self.images)
        runs = [epochs] * rates + [epochs * cycle for cycle in self.config.teacher_cycles]
        return sum(unit.of_run("teacher", self.images, length) for length in runs)

    def _run(self, schedule: Schedule, kind: str, unit: EpochWork) -> float:
        return unit.of_run(kind, self.images, schedule.epochs_of(self.images))


class Planner:
    """Plans the whole tailoring, and plans it anew before each stage where its time is limited.

    What rests on a measurement is decided once and kept in the decision log, so that a tailoring that goes on after a
    break trains as it began. `elapsed` is None where the time is not limited.
    """

    def __init__(
        self,
        *,
        config: RecipeConfig,
        data: TaskData,
        decision_log: DecisionLog,
        elapsed: Elapsed | None,
        progress: ProgressReporter,
        starts_warm: bool,
    ) -> None:
        self._config = config
        self._data = data
        self._decision_log = decision_log
        self._elapsed = elapsed
        self._progress = progress
        self._starts_warm = starts_warm
        self._budget: TimeBudget | None = None
        self._plain_budget: PlainBudget | None = None
        self.unit = IN_PASSES  # of work

    def plan_everything(self, features: FrozenFeatures) -> WorkPlan:
        """The plan as if there were time for all of it; measures what the configuration leaves open."""
        config, data = self._config, self._data
        if config.bf16 is None:
            config = replace(config, bf16=self._decision_log.made("bf16", bf16_pays))
        flip = False if config.method == "features" else config.flip
        if flip is None:
            flip = self._decision_log.made("flip", lambda: mirror_keeps_class(features, data.train, data.val))
        folds, images = self._fold_count(), len(data.train)
        return WorkPlan(config=config, folds=folds, images=images, flip=flip, depth=features.depth)

    def plan_teachers(self, plan: WorkPlan, fold: Fold, scratch: Path) -> WorkPlan:
        """The plan that fits into the time. How long training takes is measured on a few batches of the fold, in a
        `scratch` folder that is removed; and told.

        Raises `TimeTooShort`.
        """
        if plan.config.method != "nettailor":
            return plan if self._elapsed is None else self._plan_plain(plan, self._elapsed, fold, scratch)
        if self._elapsed is None and plan.work(IN_PASSES) < _SHORT_WORK:
            return plan

        if self._elapsed is None:
            self._measure_roughly(fold, scratch)
        if self._elapsed is not None or plan.work(self.unit) > _SHORT_SECONDS:
            plan = self._plan_by_throughputs(plan, fold, scratch)
        self._progress.forecast(plan.work(self.unit, SHORTEST), plan.work(self.unit, LONGEST))
        return plan

    def _measure_roughly(self, fold: Fold, scratch: Path) -> None:
        measured = self._decision_log.made("pace", lambda: asdict(measure_teachers_throughput(fold, scratch)))
        self.unit = in_teachers_seconds(Throughput(**measured))

    def _plan_by_throughputs(self, plan: WorkPlan, fold: Fold, scratch: Path) -> WorkPlan:
        measured = self._decision_log.made(
            "throughputs", lambda: asdict(measure_throughputs(fold, scratch, plan.folds))
        )
        found = Throughputs(**{kind: Throughput(**values) for kind, values in measured.items()})
        self.unit = in_seconds(found)
        if self._elapsed is None:
            return plan
        self._budget = self._budget_of(self._elapsed, found)
        config, folds = self._budget.teachers(plan.config, plan.folds)
        return replace(plan, config=config, folds=folds)

    def _plan_plain(self, plan: WorkPlan, elapsed: Elapsed, fold: Fold, scratch: Path) -> WorkPlan:
        self._plain_budget = self._measured_plain_budget(elapsed, fold, scratch)
        config, folds = self._plain_budget.plan(plan.config, plan.folds)
        return replace(plan, config=config, folds=folds)

    def plan_students(self, plan: WorkPlan) -> WorkPlan:
        """The plan with the student's schedule that still fits."""
        return plan if self._budget is None else replace(plan, config=self._budget.students(plan.config, plan.folds))

    def plan_candidates(self, plan: WorkPlan) -> WorkPlan:
        """The plan with the schedule of retraining that still fits."""
        return plan if self._budget is None else replace(plan, config=self._budget.candidates(plan.config, plan.folds))

    def allows_candidate(self, blocks: int, plan: WorkPlan, *, polish: bool) -> bool:
        """Whether there is time for the network with so many blocks removed: to cut down to it, or to polish it."""
        return self._budget is None or self._budget.allows(blocks, plan.config, plan.folds, polish=polish)

    def allows_rate(self, number: int, plan: WorkPlan) -> bool:
        """Whether there is time for another learning rate of a method other than NetTailor, counted from 1."""
        return self._plain_budget is None or self._plain_budget.allows(number, plan.config, plan.folds)

    def skipped(self) -> list[str]:
        """What there was no time for, in words; nothing where the time is not limited."""
        folds = self._fold_count()
        if self._plain_budget is not None:
            return list(self._plain_budget.skipped(self._config, folds))
        if self._budget is None:
            return []
        return skipped(self._decision_log, self._config, folds=folds, images=len(self._data.train))

    def time_report(self) -> dict[str, Json] | None:
        """Minutes, planned and used, and what was skipped; None where the time is not limited."""
        budget = self._budget or self._plain_budget
        return None if budget is None else {**budget.report(), "skipped": [*self.skipped()]}

    def _fold_count(self) -> int:
        if self._starts_warm:
            return 1  # the earlier version was trained on what further folds would hold out
        if self._config.folds is not None:
            return self._config.folds
        wanted = -(-self._config.pooled_images // max(1, len(self._data.val)))
        return max(1, min(self._config.max_folds, wanted))

    def _budget_of(self, elapsed: Elapsed, found: Throughputs) -> TimeBudget:
        assert self._config.max_minutes is not None
        return TimeBudget(
            minutes=self._config.max_minutes,
            elapsed=elapsed,
            decision_log=self._decision_log,
            throughputs=found,
            images=len(self._data.train),
            measured_images=self._measured_images,
            history=self._progress.history,
            log=self._progress.log,
        )

    @property
    def _measured_images(self) -> int:
        """How many images pass through each network at the end."""
        val, test = len(self._data.val), len(self._data.test)
        return images_looked_at(val, test) if may_have_ranges(self._config.method) else test

    def _measured_plain_budget(self, elapsed: Elapsed, fold: Fold, scratch: Path) -> PlainBudget:
        assert self._config.max_minutes is not None
        pace = self._decision_log.made("paces", lambda: asdict(measure_plain_throughput(fold, scratch)))
        return PlainBudget(
            minutes=self._config.max_minutes,
            elapsed=elapsed,
            decision_log=self._decision_log,
            throughput=Throughput(**pace),
            images=len(self._data.train),
            measured_images=len(self._data.test) + self._measured_images,  # by the features, too
            log=self._progress.log,
        )
