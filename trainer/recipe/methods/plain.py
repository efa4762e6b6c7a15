"""Methods that run the backbone's own path and what they add to it: no teacher, no pruning, one network to publish.

What it is held against are the backbone's own features.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from nettailor.network.student import Student
from trainer.events import Json
from trainer.recipe.config import RecipeConfig
from trainer.recipe.costs import RelativeCosts
from trainer.recipe.folds import Folds
from trainer.recipe.paired import Right, difference
from trainer.recipe.planner import Planner, WorkPlan
from trainer.recipe.result import Trained
from trainer.recipe.selection import Candidate, OutOfTime
from trainer.recipe.teachers.contest import Contest
from trainer.recipe.timing.early_finish import EarlyFinish
from trainer.recipe.timing.progress_reporter import ProgressReporter


@dataclass(frozen=True, kw_only=True, eq=False)
class _Attempt:
    """The network of the first fold, the answers of those of all folds, and the configuration that they are the outcome
    of. `number` is 0 where nothing but the classifier is trained, then one for each learning rate."""

    number: int
    config: RecipeConfig
    model: Student
    right: Right


class PlainStages:
    """The stages of such a method, in order."""

    def __init__(
        self,
        planner: Planner,
        plan: WorkPlan,
        folds: Folds,
        costs: RelativeCosts,
        progress: ProgressReporter,
        *,
        early: EarlyFinish,
    ) -> None:
        self._planner, self._plan, self._folds = planner, plan, folds
        self._costs, self._progress, self._early = costs, progress, early
        self._attempts: list[_Attempt] = []

    def run(self) -> Trained:
        """Raises `TrainingDiverged`."""
        plan, folds, progress = self._plan, self._folds, self._progress
        folds.configure(plan.config)
        progress.expected = plan.work(progress.unit)
        progress.enter("student", folds=plan.folds, flip=plan.flip)
        self._features = folds.probe_features()
        self._try_all()
        chosen = {c.blocks_removed for c in self._early.chosen_from([self._candidate(a) for a in self._attempts])}
        best = self._best(attempts := [a for a in self._attempts if a.number in chosen])
        candidate = replace(self._candidate(best, self._accuracy(attempts)), blocks_removed=0)
        progress.settle()
        progress.enter("select", blocks_removed=0, within_target=True)
        return Trained(
            plan=replace(plan, config=best.config),
            fold=folds.first,
            teacher=self._features,
            candidates=[candidate],
            chosen=candidate,
            finished_early=self._early.happened,
            skipped=self._planner.skipped(),
        )

    def _try_all(self) -> None:
        config, start = self._plan.config, self._folds.plain_networks()
        self._measure(0, replace(config, adapts=False), start)
        if not config.trains_plain:
            return
        for number, lr in enumerate(config.rates, start=1):
            try:
                self._may_train(number)
                networks = self._folds.train_plain(start, lr)
            except OutOfTime:
                return
            self._measure(number, replace(config, student=config.plain_schedule(lr)), networks)

    def _may_train(self, number: int) -> None:
        """Raises `OutOfTime`."""
        if not self._planner.allows_rate(number, self._plan):
            raise OutOfTime
        self._early.begin(number)

    def _measure(self, number: int, config: RecipeConfig, networks: Sequence[Student]) -> None:
        right = self._folds.correct(networks).numpy()
        attempt = _Attempt(number=number, config=config, model=networks[0], right=right)
        self._attempts.append(attempt)
        self._early.measured()
        self._progress.candidate(self._told(attempt))

    def _told(self, attempt: _Attempt) -> Mapping[str, Json]:
        candidate, complexity = (
            self._candidate(attempt),
            self._costs.complexity(attempt.model.plan, attempt.model.owned),
        )
        rates = self._plan.config.rates
        return {
            "k": attempt.number,
            "rate": rates[attempt.number - 1] if attempt.number else None,
            "accuracy": candidate.accuracy,
            "validated_on": len(attempt.right),
            "teacher_accuracy": self._features.yardstick,
            "gap": candidate.gap,
            "error": candidate.error,
            "polished": False,
            "cost": candidate.cost,
            "macs_removed": complexity.net_macs_removed,
            "params_removed": complexity.net_params_removed,
            "good": True,
            "best": self._best(self._attempts).number,
        }

    def _best(self, attempts: Sequence[_Attempt]) -> _Attempt:
        """The most accurate."""
        return attempts[_contest(attempts).winner()]

    def _accuracy(self, attempts: Sequence[_Attempt]) -> float:
        """Of the best, which its choice does not flatter."""
        if self._plan.config.method == "features":
            return self._features.yardstick  # the same networks, by answers that had no part in the choice among probes
        return _contest(attempts).estimate(seed=self._plan.config.seed).accuracy

    def _candidate(self, attempt: _Attempt, accuracy: float | None = None) -> Candidate[Student]:
        accuracy = float(attempt.right.mean()) if accuracy is None else accuracy
        return Candidate(
            blocks_removed=attempt.number,
            accuracy=accuracy,
            cost=self._costs.cost(attempt.model.plan),
            good=True,
            model=attempt.model,
            gap=accuracy - self._features.yardstick,
            error=difference(attempt.right, self._features.right).error,
        )


def with_rate(report: Mapping[str, Json] | None, config: RecipeConfig) -> dict[str, Json] | None:
    """What is told of an early end, and with a method other than NetTailor the learning rate that would have come."""
    if report is None or config.method == "nettailor":
        return None if report is None else dict(report)
    return {**report, "rate": config.rates[int(str(report["skipped"])) - 1]}


def _contest(attempts: Sequence[_Attempt]) -> Contest:
    return Contest(right=np.stack([attempt.right for attempt in attempts]), margins=[0.0] * len(attempts))
