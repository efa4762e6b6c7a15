"""What a tailoring ends with: every candidate measured on the test split, as a bundle with its manifest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version

from torch import nn

from nettailor.bundle.bundle import encode
from nettailor.bundle.manifest import Accuracy, BackboneReference, Manifest, Metrics
from nettailor.network.student import Student
from trainer.events import Json
from trainer.recipe.costs import RelativeCosts
from trainer.recipe.fold import Fold
from trainer.recipe.pareto import Point
from trainer.recipe.planner import WorkPlan
from trainer.recipe.selection import Candidate, pareto_optimal
from trainer.recipe.teacher import Teacher
from trainer.recipe.warm_start import WarmStart
from trainer.training.data import TaskData
from trainer.training.fit import Epoch

_LIBRARIES = ("nettailor-server", "torch", "numpy")


@dataclass(frozen=True, kw_only=True)
class Tailored:
    """A bundle (its bytes and manifest) and the candidates it was chosen from, leanest last.

    `pareto_front` has a row for each of `points`, `history` the epochs of every run by "<fold>/<run>". `time` has the
    minutes planned and used, where they were limited, `finished_early` who ended the search, where somebody did.
    """

    bundle: bytes
    manifest: Manifest
    pareto_front: list[dict[str, Json]]
    points: tuple[Point, ...] = ()
    history: Mapping[str, Sequence[Epoch]] = field(default_factory=dict)
    time: Mapping[str, Json] | None = None
    finished_early: Mapping[str, Json] | None = None

    @classmethod
    def of(
        cls,
        points: tuple[Point, ...],
        *,
        history: Mapping[str, Sequence[Epoch]],
        time: Mapping[str, Json] | None,
        finished_early: Mapping[str, Json] | None,
    ) -> "Tailored":
        """The result whose bundle is that of the chosen point."""
        (best,) = (point for point in points if point.chosen)
        return cls(
            bundle=best.bundle,
            manifest=best.manifest,
            pareto_front=[point.row() for point in points],
            points=points,
            history=history,
            time=time,
            finished_early=finished_early,
        )


@dataclass(frozen=True, kw_only=True)
class Trained:
    """What the stages gave: the first fold's teacher with the teachers' pooled accuracy, and the candidates, among
    them the `chosen` one; `plan` as it was in the end. `finished_early` where somebody ended the search."""

    plan: WorkPlan
    fold: Fold
    teacher: Teacher
    teacher_accuracy: float
    candidates: Sequence[Candidate[Student]]
    chosen: Candidate[Student]
    finished_early: bool


@dataclass(frozen=True, kw_only=True)
class Result:
    """Measures what was trained on the test split and packs it. The choice is made by then, so that the test split has
    no part in it."""

    task: str
    data: TaskData
    costs: RelativeCosts
    warm: WarmStart | None
    trained: Trained

    def points(self) -> tuple[Point, ...]:
        """The candidates as bundles, leanest last."""
        trained = self.trained
        teacher = self._measured(trained.teacher, trained.teacher_accuracy)
        optimal = pareto_optimal(trained.candidates)
        return tuple(self._point(candidate, teacher, optimal) for candidate in trained.candidates)

    def _point(self, candidate: Candidate[Student], teacher: Accuracy, optimal: set[int]) -> Point:
        student = candidate.model
        metrics = Metrics(teacher=teacher, student=self._measured(student, candidate.accuracy))
        manifest = self._manifest(student, metrics, within_target=candidate.good)
        return Point(
            blocks_removed=candidate.blocks_removed,
            bundle=encode(manifest, student.bundle_tensors()),
            manifest=manifest,
            cost=candidate.cost,
            milliseconds=self.costs.milliseconds(student.plan),
            good=candidate.good,
            pareto=candidate.blocks_removed in optimal,
            chosen=candidate is self.trained.chosen,
        )

    def _measured(self, model: nn.Module, validation: float) -> Accuracy:
        fold, test = self.trained.fold, self.data.test
        on_test = float(fold.correct(model, test).float().mean()) if len(test) else None
        return Accuracy(validation=validation, test=on_test)

    def _manifest(self, student: Student, metrics: Metrics, *, within_target: bool) -> Manifest:
        backbone, config = self.trained.fold.backbone, self.trained.plan.config
        return Manifest(
            task=self.task,
            backbone=BackboneReference(id=backbone.name, fingerprint=backbone.fingerprint()),
            plan=student.plan,
            statistics=config.statistics,
            classes=self.data.classes,
            preprocessing=self.data.preprocessing,
            metrics=metrics,
            complexity=self.costs.complexity(student.plan),
            recipe=self._recipe(within_target),
            seed=config.seed,
            dataset=self.data.digest,
            libraries={name: version(name) for name in _LIBRARIES},
        )

    def _recipe(self, within_target: bool) -> dict[str, Json]:
        plan = self.trained.plan
        done: dict[str, Json] = {"flipped": plan.flip, "pooled_folds": plan.folds, "within_target": within_target}
        if self.warm is not None:
            done["warm_start"] = self.warm.bundle.digest
        if self.trained.finished_early:
            done["finished_early"] = True
        return plan.config.as_json() | done
