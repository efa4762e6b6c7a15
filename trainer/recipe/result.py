"""What a tailoring ends with: every candidate measured on the test split, as a bundle with its manifest."""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version

import numpy as np
import torch
from torch import Tensor, nn

from nettailor.bundle.bundle import Bundle, encode
from nettailor.bundle.manifest import (
    Accuracy,
    BackboneReference,
    Manifest,
    Metrics,
    ProxyDtype,
    format_of,
    may_have_ranges,
)
from nettailor.network.student import Student
from registry.versions.evaluation import Evaluation
from trainer.events import Json
from trainer.recipe.costs import RelativeCosts
from trainer.recipe.fold import Fold
from trainer.recipe.paired import Right
from trainer.recipe.pareto import Point
from trainer.recipe.planner import WorkPlan
from trainer.recipe.selection import Candidate, pareto_optimal
from trainer.recipe.teachers.search import FoundTeacher
from trainer.recipe.timing.latency import device_in_words, milliseconds_an_image
from trainer.recipe.warm_start import WarmStart
from trainer.training.data import TaskData
from trainer.training.fit import Epoch
from trainer.training.images import LabelledImages
from trainer.training.int8 import Calibrated, calibrated

# The top-1 of each image by a network in eval mode, int64 (N,) on the CPU.
Answers = Callable[[nn.Module, LabelledImages], Tensor]

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
    """What the stages gave: the teacher, and the candidates, among them the `chosen` one; `plan` as it was in the end.
    `finished_early` where somebody ended the search, `skipped` what there was no time for, in words. Methods other than
    NetTailor have the features for a teacher."""

    plan: WorkPlan
    fold: Fold
    teacher: FoundTeacher
    candidates: Sequence[Candidate[Student]]
    chosen: Candidate[Student]
    finished_early: bool = False
    skipped: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Result:
    """Measures what was trained on the test split and packs it. The choice is made by then, so that the test split has
    no part in it. `helped` says whether other processes trained an epoch of it."""

    task: str
    data: TaskData
    costs: RelativeCosts
    warm: WarmStart | None
    trained: Trained
    helped: bool = False

    def points(self) -> tuple[Point, ...]:
        """The candidates as bundles, leanest last."""
        trained, teacher = self.trained, Accuracy()
        if trained.plan.config.method == "nettailor":
            teacher = self._measured(trained.teacher.networks[0], float(trained.teacher.right.mean()))
        features = self._measured(trained.teacher.linear_probe, trained.teacher.features.accuracy)
        optimal = pareto_optimal(trained.candidates)
        return tuple(self._point(candidate, teacher, features, optimal) for candidate in trained.candidates)

    def _point(self, candidate: Candidate[Student], teacher: Accuracy, features: Accuracy, optimal: set[int]) -> Point:
        student, proxy_dtype = candidate.model, self._proxy_dtype(candidate.model)
        if proxy_dtype == "F16":
            _halve_proxies(student)  # before it is measured: it is what the bundle holds
        answers = functools.cache(self.trained.fold.answers)  # the test images' are asked for twice
        right = self._right(student.eval(), answers)
        metrics = Metrics(teacher=teacher, student=_accuracy(candidate.accuracy, right))
        recipe = self._recipe(candidate) | self._yardstick(metrics, features)
        low = self._calibrated(candidate, answers)
        if low is not None and low.costs is not None:
            metrics = metrics.model_copy(update={"int8": low.costs})
        manifest = self._manifest(student, proxy_dtype, metrics, recipe)
        return Point(
            blocks_removed=candidate.blocks_removed,
            bundle=encode(manifest, student.bundle_tensors() | ({} if low is None else dict(low.tensors))),
            manifest=manifest,
            cost=candidate.cost,
            milliseconds=self.costs.milliseconds(student.plan),
            good=candidate.good,
            pareto=candidate.blocks_removed in optimal,
            chosen=candidate is self.trained.chosen,
            evaluation=self._evaluation(student, right),
        )

    def _calibrated(self, candidate: Candidate[Student], answers: Answers) -> Calibrated | None:
        """For int8; None with a method that cannot run in it. What that costs takes as long as all else here, and is
        measured of what is likely to be published."""
        fold = self.trained.fold
        if not may_have_ranges(self.trained.plan.config.method):
            return None
        measured = candidate.polished or candidate is self.trained.chosen
        return calibrated(candidate.model, fold.val, self.data.test, fold.preprocessing, answers, measured=measured)

    def _measured(self, model: nn.Module, validation: float) -> Accuracy:
        return _accuracy(validation, self._right(model.eval(), self.trained.fold.answers))

    def _right(self, model: nn.Module, answers: Answers) -> Right:
        test = self.data.test
        return (answers(model, test) == test.labels).numpy() if len(test) else np.zeros(0, bool)

    def _evaluation(self, student: Student, right: Right) -> Evaluation:
        device = self.trained.fold.device
        milliseconds = milliseconds_an_image(student, image_side=self.data.preprocessing.crop, device=device)
        return Evaluation(right=right, milliseconds=milliseconds, measured_on=device_in_words(device))

    def _proxy_dtype(self, student: Student) -> ProxyDtype:
        """As configured; F32 where there are no proxies, or one has a value that 16 bits do not hold."""
        tensors = [tensor for tensor in student.proxies.state_dict().values() if tensor.is_floating_point()]
        fits = tensors and max(float(tensor.abs().max()) for tensor in tensors) <= torch.finfo(torch.float16).max
        return self.trained.plan.config.proxy_dtype if fits else "F32"

    def _manifest(
        self, student: Student, proxy_dtype: ProxyDtype, metrics: Metrics, recipe: dict[str, Json]
    ) -> Manifest:
        backbone, config = self.trained.fold.backbone, self.trained.plan.config
        return Manifest(
            format=format_of(config.method, activation_ranges=may_have_ranges(config.method), proxy_dtype=proxy_dtype),
            task=self.task,
            method=config.method,
            predecessor=self._chain[-1].digest if self._chain else None,
            owned=student.owned,
            backbone=BackboneReference(id=backbone.name, fingerprint=backbone.fingerprint()),
            plan=student.plan,
            statistics=student.statistics,
            activation_ranges=may_have_ranges(config.method),
            proxy_dtype=proxy_dtype,
            classes=self.data.classes,
            preprocessing=self.data.preprocessing,
            metrics=metrics,
            complexity=self.costs.complexity(student.plan, student.owned),
            recipe=recipe,
            seed=config.seed,
            dataset=self.data.digest,
            libraries={name: version(name) for name in _LIBRARIES},
        )

    def _recipe(self, candidate: Candidate[Student]) -> dict[str, Json]:
        plan = self.trained.plan
        done: dict[str, Json] = {"flipped": plan.flip, "pooled_folds": plan.folds, "within_target": candidate.good}
        done["images"] = {
            "train": plan.images,
            "validation": len(self.trained.teacher.right),
            "test": len(self.data.test),
        }
        if self._chain:
            done["chain"] = [link.manifest.task for link in self._chain]
        if self.warm is not None:
            done["warm_start"] = self.warm.bundle.digest
        if self.trained.finished_early:
            done["finished_early"] = True
        if self.helped and plan.config.max_minutes is not None:  # or it makes no difference
            done["helped"] = True
        if self.trained.skipped:
            done |= {"time_limited": True, "skipped": list(self.trained.skipped)}
        return plan.config.as_json() | done

    def _yardstick(self, metrics: Metrics, features: Accuracy) -> dict[str, Json]:
        """How the teacher was found, and by how much the student is more accurate than the better one of the teacher
        and the backbone's own features."""
        teacher, student = self.trained.teacher, metrics.student
        assert student.validation is not None
        told: dict[str, Json] = {
            "teacher_search": {**teacher.as_json(), "features_test": features.test},
            "gap": student.validation - self._bar(),
        }
        if student.test is not None and features.test is not None:
            told["test_gap"] = student.test - max(metrics.teacher.test or 0.0, features.test)
        return told

    @property
    def _chain(self) -> tuple[Bundle, ...]:
        return self.trained.fold.chain

    def _bar(self) -> float:
        """The validation accuracy that this method's networks are held against."""
        teacher = self.trained.teacher
        return teacher.yardstick if self.trained.plan.config.method == "nettailor" else teacher.features.accuracy


@torch.no_grad()
def _halve_proxies(student: Student) -> None:
    for tensor in student.proxies.state_dict().values():
        if tensor.is_floating_point():
            tensor.copy_(tensor.half())


def _accuracy(validation: float, right: Right) -> Accuracy:
    return Accuracy(validation=validation, test=float(right.mean()) if len(right) else None)
