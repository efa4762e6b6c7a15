"""The NetTailor recipe: teacher -> student -> prune and retrain for several k -> select (sections 3.5 and 4.1)."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path

import torch
from torch import nn

from nettailor.bundle.bundle import check_backbone, encode
from nettailor.bundle.manifest import Accuracy, BackboneReference, Manifest, Metrics
from nettailor.cpu import bf16_pays
from nettailor.errors import PlanCutsEveryPath
from nettailor.network.backbones import Backbone, channels_last
from nettailor.network.student import Student
from trainer.events import Event, Json
from trainer.recipe.config import Preset, RecipeConfig
from trainer.recipe.costs import RelativeCosts
from trainer.recipe.decision_log import DecisionLog
from trainer.recipe.elapsed import Elapsed
from trainer.recipe.fold import Fold, mirror_keeps_class, strongest_teacher
from trainer.recipe.pareto import Point
from trainer.recipe.progress_reporter import ProgressReporter
from trainer.recipe.selection import Candidate, OutOfTime, Wanted, choose, pareto_optimal, search
from trainer.recipe.teacher import Teacher
from trainer.recipe.throughput import measure_throughput
from trainer.recipe.time_budget import CANDIDATES, TimeBudget
from trainer.recipe.warm_start import WarmStart, start_from, without_trained_on
from trainer.training.data import TaskData, load_dataset, stratified_folds
from trainer.training.device import training_device
from trainer.training.evaluate import image_digests
from trainer.training.fit import Epoch, Schedule

__all__ = ["Preset", "RecipeConfig", "Tailored", "tailor"]

# What a pass over an image costs, in passes of the teacher's training: the student's step runs the teacher, too.
STUDENT_WORK, RETRAIN_WORK = 1.8, 1.6


@dataclass(frozen=True, kw_only=True)
class Tailored:
    """A bundle (its bytes and manifest) and the candidates it was chosen from, leanest last.

    `front` has a row for each of `points`; `history` the epochs of every run by "<fold>/<run>"; `time`, where it was
    limited, minutes planned and used.
    """

    bundle: bytes
    manifest: Manifest
    front: list[dict[str, Json]]
    points: tuple[Point, ...] = ()
    history: Mapping[str, Sequence[Epoch]] = field(default_factory=dict)
    time: Mapping[str, Json] | None = None


def tailor(
    task: str,
    dataset: Path,
    config: RecipeConfig,
    *,
    backbone: Backbone,
    report: Callable[[Event], None],
    checkpoints: Path,
    warm: WarmStart | None = None,
) -> Tailored:
    """Tailor `backbone` to a frozen dataset, starting from an earlier version of the task if there is one.

    Seeded: equal dataset, configuration, backbone and machine give equal bundles. Run again with the same
    `checkpoints` folder after a break, it goes on where it was and ends with the same bundle.
    Raises `BundleWrongBackbone`, `TimeTooShort`, `TrainingDiverged`.
    """
    data = load_dataset(dataset, backbone.preprocessing)
    if warm is not None:
        data = replace(data, val=without_trained_on(data.val, image_digests(dataset, "val"), warm))
    return tailor_data(task, data, config, backbone=backbone, report=report, checkpoints=checkpoints, warm=warm)


def tailor_data(
    task: str,
    data: TaskData,
    config: RecipeConfig,
    *,
    backbone: Backbone,
    report: Callable[[Event], None],
    checkpoints: Path,
    warm: WarmStart | None = None,
) -> Tailored:
    """`tailor` for a dataset in memory."""
    with _limited(config, checkpoints) as clock:
        tailoring = _Tailoring(
            task=task,
            data=data,
            config=config,
            backbone=backbone,
            report=report,
            checkpoints=checkpoints,
            clock=clock,
            warm=warm,
        )
        return tailoring.run()


def _limited(config: RecipeConfig, checkpoints: Path) -> AbstractContextManager[Elapsed | None]:
    """A clock, where the time is limited."""
    return nullcontext() if config.max_minutes is None else Elapsed(checkpoints / "clock.json")


class _Tailoring:
    def __init__(
        self,
        *,
        task: str,
        data: TaskData,
        config: RecipeConfig,
        backbone: Backbone,
        report: Callable[[Event], None],
        checkpoints: Path,
        clock: Elapsed | None,
        warm: WarmStart | None,
    ) -> None:
        if warm is not None:
            check_backbone(warm.bundle, backbone.fingerprint())
        self.decisions = DecisionLog(checkpoints / "decisions.json")
        if config.bf16 is None:  # measured once: a run that goes on after a break must train as it began
            config = replace(config, bf16=self.decisions.made("bf16", bf16_pays))
        self.task, self.data, self.config, self.checkpoints = task, data, config, checkpoints
        self.warm = warm
        self.device = training_device()
        self.backbone = channels_last(backbone).to(self.device)
        self.trained: dict[int, list[Student]] = {}  # by blocks removed, a student a fold
        self.yardstick = RelativeCosts(
            config, backbone.geometry, image_side=data.preprocessing.crop, classes=len(data.classes)
        )
        self.wanted: Wanted = "most accurate" if config.has_budget else "leanest"
        self.history: dict[str, list[Epoch]] = {}
        self.meter = ProgressReporter(1.0, report)
        self.flip = self._mirrors() if config.flip is None else config.flip
        count = self._fold_count()
        self.timetable = None if clock is None else self._timetable(clock)
        if self.timetable is not None:
            self.config, count = self.timetable.teachers(config, count)
        self.folds = self._folds(count)
        self.meter.expected = self._expected_work()

    def run(self) -> Tailored:
        self.meter.enter("teacher", folds=len(self.folds), flip=self.flip)
        teachers = self._teachers()
        teacher_accuracy = self._pooled(list(teachers))
        if self.timetable is not None:
            self._go_on_with(self.timetable.students(self.config, len(self.folds)))
        self.meter.enter("student", teacher_accuracy=teacher_accuracy)
        students = [fold.student(teacher) for fold, teacher in zip(self.folds, teachers, strict=True)]
        if self.timetable is not None:
            self._go_on_with(self.timetable.candidates(self.config, len(self.folds)))
        self.meter.enter("prune", alphas=_alphas(students[0]))

        def evaluate(blocks: int) -> Candidate[Student] | None:
            return self._candidate(blocks, teachers, students, teacher_accuracy)

        self.meter.enter("retrain")
        candidates = search(evaluate, self.backbone.depth, wanted=self.wanted)
        # Without time for any of them the student itself is there, all its blocks in place.
        candidates = candidates or [self._judged(0, students, teacher_accuracy)]
        chosen = choose(candidates, self.config.target_drop, wanted=self.wanted)
        self.meter.settle()
        self.meter.enter("select", blocks_removed=chosen.blocks_removed, within_target=chosen.good)
        return self._finish(teachers[0], teacher_accuracy, chosen, candidates)

    def _folds(self, count: int) -> list[Fold]:
        return [
            Fold(
                config=self.config,
                backbone=self.backbone,
                preprocessing=self.data.preprocessing,
                classes=len(self.data.classes),
                train=train,
                val=val,
                flip=self.flip,
                costs=self.yardstick.costs,
                folder=self.checkpoints / f"fold{index}",
                on_epoch=self._on_epoch,
                on_run=self.history.__setitem__,
                device=self.device,
                warm=self._warm,
            )
            for index, (train, val) in enumerate(stratified_folds(self.data, count, self.config.seed))
        ]

    def _timetable(self, clock: Elapsed) -> TimeBudget:
        assert self.config.max_minutes is not None
        return TimeBudget(
            minutes=self.config.max_minutes,
            clock=clock,
            decisions=self.decisions,
            measure=lambda: measure_throughput(self._folds(1)[0], self.checkpoints / "pace"),
            images=len(self.data.train),
            test_images=len(self.data.test),
            history=self.history,
            log=self.meter.log,
        )

    def _warm(self, student: Student) -> None:
        if self.warm is not None:
            start_from(student, self.warm.bundle, self.data.classes)

    def _go_on_with(self, config: RecipeConfig) -> None:
        self.config = config
        self.folds = [replace(fold, config=config) for fold in self.folds]
        self.meter.expected = self._expected_work()

    def _teachers(self) -> list[Teacher]:
        """The first fold searches for the schedule, the others use it."""
        first, _, schedule = strongest_teacher(self.folds[0])
        self.meter.log(f"teacher: learning rate {schedule.lr:g}, {schedule.epochs} epochs")
        return [first, *(fold.teacher(schedule)[0] for fold in self.folds[1:])]

    def _candidate(
        self, blocks: int, teachers: list[Teacher], students: list[Student], teacher_accuracy: float
    ) -> Candidate[Student] | None:
        """Pruned from the nearest candidate with fewer blocks gone: small steps lose less than one large one.

        Raises `OutOfTime`.
        """
        if self.timetable is not None and not self.timetable.allows(blocks, self.config, len(self.folds)):
            raise OutOfTime
        start = max((done for done in self.trained if done < blocks), default=0)
        try:
            models = [
                fold.candidate(student, teacher, more=blocks - start, total=blocks)
                for fold, student, teacher in zip(self.folds, self.trained.get(start, students), teachers, strict=True)
            ]
        except PlanCutsEveryPath:
            return None
        self.trained[blocks] = models
        return self._judged(blocks, models, teacher_accuracy)

    def _judged(self, blocks: int, models: list[Student], teacher_accuracy: float) -> Candidate[Student]:
        """The students of all folds as one candidate."""
        accuracy, cost = self._pooled(list(models)), self.yardstick.cost(models[0].plan)
        near = accuracy >= teacher_accuracy - self.config.target_drop
        good = self.yardstick.fits(models[0].plan) if self.config.has_budget else near
        self.meter.candidate({"k": blocks, "accuracy": accuracy, "cost": cost, "good": good})
        return Candidate(blocks_removed=blocks, accuracy=accuracy, cost=cost, good=good, model=models[0])

    def _pooled(self, models: list[nn.Module]) -> float:
        """Accuracy on the validation images of all folds together."""
        right = torch.cat([fold.correct(model, fold.val) for fold, model in zip(self.folds, models, strict=True)])
        return float(right.float().mean())

    def _finish(
        self,
        teacher: Teacher,
        teacher_accuracy: float,
        chosen: Candidate[Student],
        candidates: list[Candidate[Student]],
    ) -> Tailored:
        """The choice is made: the test split is touched now, once, for the teacher and every candidate."""
        teacher_measured = self._measured(teacher, teacher_accuracy)
        optimal = pareto_optimal(candidates)

        def point(candidate: Candidate[Student]) -> Point:
            student = candidate.model
            metrics = Metrics(teacher=teacher_measured, student=self._measured(student, candidate.accuracy))
            manifest = self._manifest(student, metrics, within_target=candidate.good)
            return Point(
                blocks_removed=candidate.blocks_removed,
                bundle=encode(manifest, student.bundle_tensors()),
                manifest=manifest,
                cost=candidate.cost,
                milliseconds=self.yardstick.milliseconds(student.plan),
                good=candidate.good,
                pareto=candidate.blocks_removed in optimal,
                chosen=candidate is chosen,
            )

        points = tuple(point(candidate) for candidate in candidates)
        (best,) = (one for one in points if one.chosen)
        return Tailored(
            bundle=best.bundle,
            manifest=best.manifest,
            front=[one.row() for one in points],
            points=points,
            history=self.history,
            time=None if self.timetable is None else self.timetable.report(),
        )

    def _measured(self, model: nn.Module, validation: float) -> Accuracy:
        fold, test = self.folds[0], self.data.test
        on_test = float(fold.correct(model, test).float().mean()) if len(test) else None
        return Accuracy(validation=validation, test=on_test)

    def _manifest(self, student: Student, metrics: Metrics, *, within_target: bool) -> Manifest:
        return Manifest(
            task=self.task,
            backbone=BackboneReference(id=self.backbone.name, fingerprint=self.backbone.fingerprint()),
            plan=student.plan,
            statistics=self.config.statistics,
            classes=self.data.classes,
            preprocessing=self.data.preprocessing,
            metrics=metrics,
            complexity=self.yardstick.complexity(student.plan),
            recipe=self._recipe(within_target),
            seed=self.config.seed,
            dataset=self.data.digest,
            libraries={name: version(name) for name in ("nettailor-server", "torch", "numpy")},
        )

    def _recipe(self, within_target: bool) -> dict[str, Json]:
        done: dict[str, Json] = {
            "flipped": self.flip,
            "pooled_folds": len(self.folds),
            "within_target": within_target,
        }
        if self.warm is not None:
            done["warm_start"] = self.warm.bundle.digest
        return self.config.as_json() | done

    def _mirrors(self) -> bool:
        data = self.data
        return mirror_keeps_class(self.backbone, data.preprocessing, data.train, data.val)

    def _fold_count(self) -> int:
        if self.warm is not None:
            return 1  # what other folds hold out, the earlier version was trained on
        if self.config.folds is not None:
            return self.config.folds
        wanted = -(-self.config.pooled_images // max(1, len(self.data.val)))
        return min(self.config.max_folds, wanted)

    def _expected_work(self) -> float:
        config, folds, images = self.config, len(self.folds), len(self.data.train)

        def epochs(schedule: Schedule) -> int:
            return schedule.fitted(images).epochs

        longest = max(config.teacher_cycles, default=1)
        teacher = epochs(config.teacher) * (len(config.teacher_lrs) + sum(config.teacher_cycles))
        teacher += epochs(config.teacher) * longest * (folds - 1)
        student = folds * epochs(config.student) * STUDENT_WORK
        retrain = folds * epochs(config.retrain) * RETRAIN_WORK * CANDIDATES
        return images * (teacher + student + retrain)

    def _on_epoch(self, name: str, schedule: Schedule, epoch: Epoch, model: nn.Module) -> None:
        kind = name.partition("-")[0]
        work = {"teacher": 1.0, "student": STUDENT_WORK, "retrain": RETRAIN_WORK}[kind] * len(self.data.train)
        fields: dict[str, Json] = {
            "run": name,
            "epoch": epoch.number,
            "epochs": schedule.epochs,
            "images": len(self.data.train),
            "accuracy": epoch.accuracy,
            "seconds": round(epoch.seconds, 3),
            "waited": round(epoch.waited, 3),
            "images_per_second": round(len(self.data.train) / epoch.seconds, 1) if epoch.seconds else None,
            **{key: round(value, 5) for key, value in epoch.losses.items()},
        }
        if isinstance(model, Student):
            fields["alphas"] = _alphas(model)
        self.meter.epoch(work, fields)


def _alphas(student: Student) -> dict[str, Json]:
    """Alphas of the paths into each node, rounded for people."""
    return {str(node): [round(float(a), 4) for a in values] for node, values in student.alpha_values().items()}
