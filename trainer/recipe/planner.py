"""What a tailoring will do: its configuration once everything is decided, its folds, and what fits into the time."""

from dataclasses import asdict, dataclass, replace
from pathlib import Path

from nettailor.bundle.manifest import WHOLE_METHODS
from nettailor.cpu import bf16_pays
from nettailor.network.backbones import Backbone
from trainer.events import Json
from trainer.recipe.config import RecipeConfig
from trainer.recipe.fold import Fold, mirror_keeps_class
from trainer.recipe.progress_reporter import PASS_WORK, ProgressReporter
from trainer.recipe.timing.decision_log import DecisionLog
from trainer.recipe.timing.elapsed import Elapsed
from trainer.recipe.timing.plain_budget import PlainBudget
from trainer.recipe.timing.skipped import skipped
from trainer.recipe.timing.throughput import Throughput, measure_plain_throughput, measure_throughput
from trainer.recipe.timing.time_budget import EXPECTED, TimeBudget
from trainer.training.data import TaskData
from trainer.training.schedule import Schedule


@dataclass(frozen=True, kw_only=True)
class WorkPlan:
    """What is trained: by which configuration, on how many folds of so many training images each, and whether `flip`
    mirrors some of them."""

    config: RecipeConfig
    folds: int
    images: int
    flip: bool

    @property
    def expected_work(self) -> float:
        """How much there is to do, in passes over an image of the teacher's training."""
        config, folds = self.config, self.folds
        if config.method in WHOLE_METHODS:
            return folds * self._epochs(config.teacher) * (len(config.rates) + sum(config.teacher_cycles)) * self.images
        if config.method != "nettailor":
            runs = folds * len(config.rates) if config.trains_plain else 0  # else nothing is trained by steps
            return runs * self._epochs(config.student) * PASS_WORK[config.plain_run] * self.images
        teacher = folds * self._epochs(config.teacher) * (len(config.teacher_lrs) + sum(config.teacher_cycles))
        student = folds * self._epochs(config.student) * PASS_WORK["student"]
        cuts = folds * EXPECTED.cuts * self._epochs(config.recover) * PASS_WORK["recover"]
        polished = folds * EXPECTED.polished * self._epochs(config.retrain) * PASS_WORK["retrain"]
        return self.images * (teacher + student + cuts + polished)

    def _epochs(self, schedule: Schedule) -> int:
        return schedule.epochs_of(self.images)


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

    def plan_everything(self, backbone: Backbone) -> WorkPlan:
        """The plan as if there were time for all of it; measures what the configuration leaves open."""
        config, data = self._config, self._data
        if config.bf16 is None:
            config = replace(config, bf16=self._decision_log.made("bf16", bf16_pays))
        flip = False if config.method == "features" else config.flip
        if flip is None:
            flip = mirror_keeps_class(backbone, data.preprocessing, data.train, data.val)
        return WorkPlan(config=config, folds=self._fold_count(), images=len(data.train), flip=flip)

    def plan_teachers(self, plan: WorkPlan, fold: Fold, scratch: Path) -> WorkPlan:
        """The plan that fits into the time. How long training takes is measured on a few batches of the fold, in a
        `scratch` folder that is removed.

        Raises `TimeTooShort`.
        """
        if self._elapsed is None:
            return plan
        if plan.config.method != "nettailor":
            self._plain_budget = self._measured_plain_budget(self._elapsed, fold, scratch)
            config, folds = self._plain_budget.plan(plan.config, plan.folds)
            return replace(plan, config=config, folds=folds)
        self._budget = self._measured_budget(self._elapsed, fold, scratch)
        config, folds = self._budget.teachers(plan.config, plan.folds)
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
        return min(self._config.max_folds, wanted)

    def _measured_budget(self, elapsed: Elapsed, fold: Fold, scratch: Path) -> TimeBudget:
        assert self._config.max_minutes is not None

        def measure() -> list[dict[str, float]]:
            return [asdict(throughput) for throughput in measure_throughput(fold, scratch)]

        teacher, student = (Throughput(**values) for values in self._decision_log.made("paces", measure))
        return TimeBudget(
            minutes=self._config.max_minutes,
            elapsed=elapsed,
            decision_log=self._decision_log,
            teacher=teacher,
            student=student,
            images=len(self._data.train),
            test_images=len(self._data.test),
            history=self._progress.history,
            log=self._progress.log,
        )

    def _measured_plain_budget(self, elapsed: Elapsed, fold: Fold, scratch: Path) -> PlainBudget:
        assert self._config.max_minutes is not None
        pace = self._decision_log.made("paces", lambda: asdict(measure_plain_throughput(fold, scratch)))
        return PlainBudget(
            minutes=self._config.max_minutes,
            elapsed=elapsed,
            decision_log=self._decision_log,
            throughput=Throughput(**pace),
            images=len(self._data.train),
            test_images=len(self._data.test),
            log=self._progress.log,
        )
