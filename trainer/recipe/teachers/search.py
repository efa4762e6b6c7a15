"""The search for the teacher: every fold trains the same candidates, and their answers together decide.

A candidate is a schedule of fine-tuning that starts from the linear probe (linear probing, then fine-tuning), or the
probe itself, whose body is the backbone as it is.

Legend: N validation images of all folds together.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from trainer.events import Json
from trainer.recipe.fold import Fold
from trainer.recipe.paired import SIGNIFICANT, Right
from trainer.recipe.sharing.crew import Alone
from trainer.recipe.sharing.runs import TeacherRun
from trainer.recipe.teacher import Teacher
from trainer.recipe.teachers.contest import Contest, Estimate
from trainer.recipe.teachers.linear_probe import PENALTIES, fit_linear_probe
from trainer.training.schedule import Schedule

# Standard errors by which a longer cycle must win: little more than a tie, as that longer training helps is likely
# beforehand. Learning rates take as long as each other, so that the most accurate one wins; the frozen features, which
# would make fine-tuning harmful, win by a significant difference alone.
_CYCLE_MARGIN = 0.5

Body = Callable[[Tensor], Tensor]  # images to features


@dataclass(frozen=True, kw_only=True, eq=False)
class FoundTeacher:
    """The candidate that is taken: `networks` has one of each fold, `right` (N,) their answers, `estimate` the accuracy
    that the choice does not flatter. `linear_probe` is the first fold's probe, `features` how accurate probes are,
    `tried` the plain accuracy (0..1) of every candidate by name. Where no teacher is trained, the probes are taken."""

    name: str
    networks: Sequence[Teacher]
    right: Right
    estimate: Estimate
    linear_probe: Teacher
    features: Estimate
    tried: Mapping[str, float]

    @property
    def yardstick(self) -> float:
        """The accuracy that a student is held against: the better one of teacher and features, 0..1."""
        return max(self.estimate.accuracy, self.features.accuracy)

    def as_json(self) -> dict[str, Json]:
        """Plain data, for the manifest and for events."""
        return {
            "chosen": self.name,
            "accuracy": self.estimate.accuracy,
            "error": self.estimate.error,
            "features": self.features.accuracy,
            "features_error": self.features.error,
            "tried": dict(self.tried),
        }


@dataclass(frozen=True, kw_only=True, eq=False)
class _Candidate:
    name: str
    networks: Sequence[Teacher]
    right: Right


def find_teacher(
    folds: Sequence[Fold], log: Callable[[str], None], *, only_trained: bool = False, crew: Alone | None = None
) -> FoundTeacher:
    """A search over learning rates, then longer cycles for as long as they win, then, unless the teacher has to be
    `only_trained`, the features themselves.

    Raises `TrainingDiverged`.
    """
    config = folds[0].config
    probes = Probes(folds)
    search = _Search(folds, probes.heads, crew or Alone())
    schedules = [folds[0].fitted(replace(config.teacher, lr=lr)) for lr in config.teacher_lrs]
    search.foresee(schedules)
    for schedule in schedules:
        search.train(schedule, margin=0.0)
    short = search.best_schedule
    for factor in config.teacher_cycles:
        if not search.train(replace(short, epochs=factor * short.epochs), margin=_CYCLE_MARGIN):
            break
    if not only_trained:
        search.enter(probes.candidate(), margin=SIGNIFICANT)
    found = search.found(probes)
    log(
        f"teacher: {found.name}, {100 * found.estimate.accuracy:.1f} ± {100 * found.estimate.error:.1f}%; features: "
        f"{100 * found.features.accuracy:.1f} ± {100 * found.features.error:.1f}%"
    )
    return found


class Probes:
    """The linear probe of each fold, all with the penalty that their answers together are best with. `bodies`, one of
    each fold, give the features; by default the backbone as it is does."""

    def __init__(self, folds: Sequence[Fold], bodies: Sequence[Body] | None = None) -> None:
        self._folds = folds
        bodies = bodies or [fold.backbone for fold in folds]
        tried = [_heads_and_answers(fold, body) for fold, body in zip(folds, bodies, strict=True)]
        rights = np.concatenate([right for _, right in tried], axis=1)
        contest = Contest(right=rights, margins=[0.0] * len(PENALTIES))
        winner = contest.winner()
        self.heads = [heads[winner] for heads, _ in tried]
        self.right: Right = rights[winner]
        self.estimate = contest.estimate(seed=folds[0].config.seed)

    def candidate(self) -> _Candidate:
        networks = [fold.untouched_teacher(head) for fold, head in zip(self._folds, self.heads, strict=True)]
        return _Candidate(name="features", networks=networks, right=self.right)

    def found(self) -> FoundTeacher:
        """The probes themselves, where nothing else is tried."""
        probe = self.candidate()
        return FoundTeacher(
            name=probe.name,
            networks=probe.networks,
            right=probe.right,
            estimate=self.estimate,
            linear_probe=probe.networks[0],
            features=self.estimate,
            tried={},
        )


def _heads_and_answers(fold: Fold, body: Body) -> tuple[list[nn.Linear], Right]:
    """For each penalty, a fold's probe and its answers on the fold's validation images."""
    known, asked = fold.features_of(fold.train, body), fold.features_of(fold.val, body)
    heads = [fit_linear_probe(known, fold.train.labels, fold.classes, penalty=penalty) for penalty in PENALTIES]
    return heads, torch.stack([head(asked).argmax(1) == fold.val.labels for head in heads]).numpy()


class _Search:
    """Candidates enter one after the other; of their networks only the best so far are kept."""

    def __init__(self, folds: Sequence[Fold], heads: Sequence[nn.Linear], crew: Alone) -> None:
        self._folds, self._heads, self._crew = folds, heads, crew
        self._entered: dict[str, Right] = {}
        self._margins: list[float] = []
        self._best: _Candidate | None = None
        self._schedule: Schedule | None = None

    @property
    def best_schedule(self) -> Schedule:
        assert self._schedule is not None
        return self._schedule

    def foresee(self, schedules: Sequence[Schedule]) -> None:
        """All of them will be trained, whatever comes of each."""
        self._crew.offer([run for schedule in schedules for run in self._runs(schedule)], needed=True)

    def _runs(self, schedule: Schedule) -> list[TeacherRun]:
        heads = zip(self._folds, self._heads, strict=True)
        return [TeacherRun(fold=fold, schedule=schedule, head=head) for fold, head in heads]

    def train(self, schedule: Schedule, *, margin: float) -> bool:
        """Train a candidate in every fold; whether it is the best so far."""
        networks = self._crew.carry_out(self._runs(schedule))
        answers = [fold.correct(network, fold.val) for fold, network in zip(self._folds, networks, strict=True)]
        name = f"lr{schedule.lr:g}-e{schedule.epochs}"
        candidate = _Candidate(name=name, networks=networks, right=torch.cat(answers).numpy())
        wins = self.enter(candidate, margin=margin)
        self._schedule = schedule if wins else self._schedule
        return wins

    def enter(self, candidate: _Candidate, *, margin: float) -> bool:
        """Let a candidate take the place of the best so far if it wins by the margin; whether it does."""
        self._entered[candidate.name] = candidate.right
        self._margins.append(margin)
        wins = self._contest().winner() == len(self._entered) - 1
        self._best = candidate if wins else self._best
        return wins

    def found(self, probes: Probes) -> FoundTeacher:
        assert self._best is not None
        return FoundTeacher(
            name=self._best.name,
            networks=self._best.networks,
            right=self._best.right,
            estimate=self._contest().estimate(seed=self._folds[0].config.seed),
            linear_probe=self._folds[0].untouched_teacher(probes.heads[0]),
            features=probes.estimate,
            tried={name: float(right.mean()) for name, right in self._entered.items()},
        )

    def _contest(self) -> Contest:
        return Contest(right=np.stack(list(self._entered.values())), margins=self._margins)
