"""The NetTailor recipe: teacher -> student -> prune and retrain for several k -> select (sections 3.5 and 4.1)."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

import torch
from torch import nn

from nettailor.backbones import Backbone, channels_last
from nettailor.bundle import encode
from nettailor.complexity import PathCosts, measured_path_costs, path_costs, plan_complexity
from nettailor.cpu import bf16_pays
from nettailor.errors import PlanCutsEveryPath
from nettailor.manifest import Accuracy, BackboneReference, Complexity, Manifest, Metrics
from nettailor.student import Student
from trainer.data import TaskData, load_dataset, stratified_folds
from trainer.device import training_device
from trainer.events import Event, Json
from trainer.fitting import Epoch, Schedule
from trainer.fold import Fold, mirror_keeps_class, strongest_teacher
from trainer.meter import Meter
from trainer.recipe_config import Preset, RecipeConfig
from trainer.selection import Candidate, choose, search
from trainer.teacher import Teacher
from trainer.team import Team

__all__ = ["Preset", "RecipeConfig", "Tailored", "tailor"]

# What a pass over an image costs, in passes of the teacher's training: the student's step runs the teacher, too.
STUDENT_WORK, RETRAIN_WORK = 1.8, 1.6
EXPECTED_CANDIDATES = 6


@dataclass(frozen=True, kw_only=True)
class Tailored:
    """A bundle (its bytes and manifest) and the candidates it was chosen from, leanest last."""

    bundle: bytes
    manifest: Manifest
    front: list[dict[str, Json]]


def tailor(
    task: str,
    dataset: Path,
    config: RecipeConfig,
    *,
    backbone: Backbone,
    report: Callable[[Event], None],
    checkpoints: Path,
) -> Tailored:
    """Tailor `backbone` to a frozen dataset.

    Seeded: equal dataset, configuration, backbone and machine give equal bundles. Run again with the same
    `checkpoints` folder after a break, it goes on where it was and ends with the same bundle.
    """
    data = load_dataset(dataset, backbone.preprocessing)
    return tailor_data(task, data, config, backbone=backbone, report=report, checkpoints=checkpoints)


def tailor_data(
    task: str,
    data: TaskData,
    config: RecipeConfig,
    *,
    backbone: Backbone,
    report: Callable[[Event], None],
    checkpoints: Path,
) -> Tailored:
    """`tailor` for a dataset in memory."""
    tailoring = _Tailoring(
        task=task, data=data, config=config, backbone=backbone, report=report, checkpoints=checkpoints
    )
    return tailoring.run()


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
    ) -> None:
        if config.bf16 is None:
            config = replace(config, bf16=_bf16_pays())
        self.task, self.data, self.config = task, data, config
        self.device = training_device()
        self.backbone = channels_last(backbone).to(self.device)
        self.trained: dict[int, list[Student]] = {}  # by blocks removed, a student a fold
        self.image_side = data.preprocessing.crop
        self.costs = self._costs()
        pairs = stratified_folds(data, self._fold_count(), config.seed)
        self.meter = Meter(self._expected_work(len(pairs), len(data.train)), report)
        self.flip = self._mirrors() if config.flip is None else config.flip
        self.folds = [
            Fold(
                config=config,
                backbone=self.backbone,
                preprocessing=data.preprocessing,
                classes=len(data.classes),
                train=train,
                val=val,
                flip=self.flip,
                costs=self.costs,
                folder=checkpoints / f"fold{index}",
                on_epoch=self._on_epoch,
                device=self.device,
            )
            for index, (train, val) in enumerate(pairs)
        ]

    def run(self) -> Tailored:
        self.meter.enter("teacher", folds=len(self.folds), flip=self.flip)
        teachers = self._teachers()
        teacher_accuracy = self._pooled(list(teachers))
        self.meter.enter("student", teacher_accuracy=teacher_accuracy)
        students = [fold.student(teacher) for fold, teacher in zip(self.folds, teachers, strict=True)]
        self.meter.enter("prune", alphas=_alphas(students[0]))

        def evaluate(blocks: int) -> Candidate[Student] | None:
            return self._candidate(blocks, teachers, students, teacher_accuracy)

        self.meter.enter("retrain")
        candidates = search(evaluate, self.backbone.depth)
        chosen = choose(candidates, self.config.target_drop)
        self.meter.settle()
        self.meter.enter("select", blocks_removed=chosen.blocks_removed, within_target=chosen.good)
        return self._finish(teachers[0], teacher_accuracy, chosen, candidates)

    def _teachers(self) -> list[Teacher]:
        """The first fold searches for the schedule, the others use it."""
        first, _, schedule = strongest_teacher(self.folds[0])
        self.meter.log(f"teacher: learning rate {schedule.lr:g}, {schedule.epochs} epochs")
        return [first, *(fold.teacher(schedule)[0] for fold in self.folds[1:])]

    def _candidate(
        self, blocks: int, teachers: list[Teacher], students: list[Student], teacher_accuracy: float
    ) -> Candidate[Student] | None:
        """Pruned from the nearest candidate with fewer blocks gone: small steps lose less than one large one."""
        start = max((done for done in self.trained if done < blocks), default=0)
        try:
            models = [
                fold.candidate(student, teacher, more=blocks - start, total=blocks)
                for fold, student, teacher in zip(self.folds, self.trained.get(start, students), teachers, strict=True)
            ]
        except PlanCutsEveryPath:
            return None
        self.trained[blocks] = models
        accuracy, cost = self._pooled(list(models)), self._cost(models[0])
        good = accuracy >= teacher_accuracy - self.config.target_drop
        self.meter.candidate({"k": blocks, "accuracy": accuracy, "cost": cost, "good": good})
        return Candidate(blocks_removed=blocks, accuracy=accuracy, cost=cost, good=good, model=models[0])

    def _pooled(self, models: list[nn.Module]) -> float:
        """Accuracy on the validation images of all folds together."""
        right = torch.cat([fold.correct(model, fold.val) for fold, model in zip(self.folds, models, strict=True)])
        return float(right.float().mean())

    def _cost(self, student: Student) -> float:
        """C of what the student keeps and adds, as a share of the backbone."""
        plan = student.plan
        return sum(cost for node in plan.nodes() for cost in self.costs.of(plan, node))

    def _finish(
        self,
        teacher: Teacher,
        teacher_accuracy: float,
        chosen: Candidate[Student],
        candidates: list[Candidate[Student]],
    ) -> Tailored:
        fold, test = self.folds[0], self.data.test

        def measured(model: nn.Module, validation: float) -> Accuracy:
            on_test = float(fold.correct(model, test).float().mean()) if len(test) else None
            return Accuracy(validation=validation, test=on_test)

        metrics = Metrics(teacher=measured(teacher, teacher_accuracy), student=measured(chosen.model, chosen.accuracy))
        manifest = self._manifest(chosen.model, metrics, within_target=chosen.good)
        front = [self._front_row(c, c is chosen) for c in candidates]
        return Tailored(bundle=encode(manifest, chosen.model.bundle_tensors()), manifest=manifest, front=front)

    def _manifest(self, student: Student, metrics: Metrics, *, within_target: bool) -> Manifest:
        return Manifest(
            task=self.task,
            backbone=BackboneReference(id=self.backbone.name, fingerprint=self.backbone.fingerprint()),
            plan=student.plan,
            statistics=self.config.statistics,
            classes=self.data.classes,
            preprocessing=self.data.preprocessing,
            metrics=metrics,
            complexity=self._complexity(student),
            recipe=self.config.as_json()
            | {"flipped": self.flip, "pooled_folds": len(self.folds), "within_target": within_target},
            seed=self.config.seed,
            dataset=self.data.digest,
            libraries={name: version(name) for name in ("nettailor-server", "torch", "numpy")},
        )

    def _complexity(self, student: Student) -> Complexity:
        return plan_complexity(
            self.backbone.geometry,
            student.plan,
            image_side=self.image_side,
            classes=len(self.data.classes),
            statistics=self.config.statistics,
        )

    def _front_row(self, candidate: Candidate[Student], chosen: bool) -> dict[str, Json]:
        complexity = self._complexity(candidate.model)
        return {
            "k": candidate.blocks_removed,
            "accuracy": candidate.accuracy,
            "cost": candidate.cost,
            "macs_removed": complexity.net_macs_removed,
            "params_removed": complexity.net_params_removed,
            "good": candidate.good,
            "chosen": chosen,
        }

    def _costs(self) -> PathCosts:
        if self.config.cost_table is not None:
            return measured_path_costs(self.backbone.geometry, self.config.cost_table)
        return path_costs(self.backbone.geometry, self.image_side, self.config.measure)

    def _mirrors(self) -> bool:
        data = self.data
        return mirror_keeps_class(self.backbone, data.preprocessing, data.train, data.val)

    def _fold_count(self) -> int:
        if self.config.folds is not None:
            return self.config.folds
        wanted = -(-self.config.pooled_images // max(1, len(self.data.val)))
        return min(self.config.max_folds, wanted)

    def _expected_work(self, folds: int, images: int) -> float:
        config = self.config

        def epochs(schedule: Schedule) -> int:
            return schedule.fitted(images).epochs

        longest = max(config.teacher_cycles, default=1)
        teacher = epochs(config.teacher) * (len(config.teacher_lrs) + sum(config.teacher_cycles))
        teacher += epochs(config.teacher) * longest * (folds - 1)
        student = folds * epochs(config.student) * STUDENT_WORK
        retrain = folds * epochs(config.retrain) * RETRAIN_WORK * EXPECTED_CANDIDATES
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


def _bf16_pays() -> bool:
    """As process 0 finds: it is a measurement, and all must train alike."""
    return bool(Team.current().agreed(torch.tensor(bf16_pays())))


def _alphas(student: Student) -> dict[str, Json]:
    """Alphas of the paths into each node, rounded for people."""
    return {str(node): [round(float(a), 4) for a in values] for node, values in student.alpha_values().items()}
