"""One fold of a tailoring: its teacher, its student, and the candidates pruned from it.

Legend: N images, C features, K classes.
"""

import functools
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nettailor.architecture.plan import Plan, full_plan
from nettailor.bundle.bundle import Bundle
from nettailor.bundle.manifest import adapters_of
from nettailor.bundle.preprocessing import Preprocessing
from nettailor.complexity.counting import PathCosts
from nettailor.complexity.expectation import ExpectedComplexity
from nettailor.complexity.pruning import prune
from nettailor.network.backbones import Backbone, channels_last
from nettailor.network.folding import folded
from nettailor.network.local_pass import LocalPass
from nettailor.network.losses import TEACHER_LOSSES, distillation_loss
from nettailor.network.norms import unfold_statistics
from nettailor.network.student import Student
from trainer.recipe.config import RecipeConfig
from trainer.recipe.least_squares import regress_proxies, take_over
from trainer.recipe.loss_weights import LossWeights
from trainer.recipe.teacher import Teacher
from trainer.recipe.teachers.frozen_features import FrozenFeatures
from trainer.recipe.teachers.lessons import Lesson, LessonStore, Look, Teach, joined
from trainer.recipe.teachers.old_heads import Memory, RememberingTeacher, forgetting
from trainer.training.class_weights import class_weights
from trainer.training.data import evaluation_batches, training_batches
from trainer.training.distributed import ProcessGroup
from trainer.training.fit import Batch, Batches, Epoch, Inputs, TrainingRun, correct_predictions, fit, seeded
from trainer.training.images import LabelledImages
from trainer.training.prefetch import prefetched
from trainer.training.schedule import Schedule
from trainer.training.statistics import reestimate_statistics

CPU = torch.device("cpu")
_ESTIMATED_IMAGES = 1024  # training images that a network's statistics are estimated on before it is polished
_REGRESSED_PIXELS = 512 * 128**2  # of images that proxies are fitted to: all features of them are held at a time
OnEpoch = Callable[[str, Schedule, Epoch, nn.Module], None]
OnRun = Callable[[str, list[Epoch]], None]
Step = Callable[[Inputs, Tensor, float], Mapping[str, Tensor]]
STUDENT_RUN = "student"


def teacher_run(schedule: Schedule) -> str:
    """The name of a run; its first word is its kind."""
    return f"teacher-lr{schedule.lr:g}-e{schedule.epochs}"


def recover_run(blocks: int) -> str:
    return f"recover-{blocks}"


def polish_run(blocks: int) -> str:
    return f"retrain-{blocks}"


@dataclass(frozen=True, kw_only=True)
class Fold:
    """What the runs of one fold share; `folder` keeps their checkpoints."""

    config: RecipeConfig
    backbone: Backbone
    preprocessing: Preprocessing
    classes: int
    train: LabelledImages
    val: LabelledImages
    flip: bool
    costs: PathCosts
    folder: Path
    on_epoch: OnEpoch
    on_run: OnRun = lambda name, history: None  # "<fold>/<run>" and all its epochs, restored ones included
    device: torch.device = CPU
    frozen_features: FrozenFeatures | None = None  # that all folds share
    lessons: LessonStore | None = None  # of the one teacher that all students of the fold have
    chain: tuple[Bundle, ...] = ()  # that a task of method packnet stands on
    warm: Callable[[Student], None] | None = None  # changes where the full student, or a plain network, starts

    def fitted(self, schedule: Schedule) -> Schedule:
        """The schedule as it is for this fold's images."""
        return schedule.fitted(len(self.train), self.preprocessing.crop)

    def teacher(self, schedule: Schedule, head: nn.Linear | None = None) -> Teacher:
        """The backbone fine-tuned with one schedule; its classifier starts as `head`, or at random."""
        self.seed("teacher")
        teacher, batches = self.untrained_teacher(head), partial(self.new_batches, schedule)
        step = self.remembering(teacher) if isinstance(teacher, RememberingTeacher) else self.fine_tuning(teacher)
        self.fit(teacher, teacher_run(schedule), schedule, step, batches)
        return teacher

    def untrained_teacher(self, head: nn.Linear | None = None) -> Teacher:
        """The backbone's copy that is to be fine-tuned."""
        kind = RememberingTeacher if self.config.method == "lwf" else Teacher
        return channels_last(kind(self.backbone, self.classes, head)).to(self.device)

    def untouched_teacher(self, head: nn.Linear) -> Teacher:
        """The backbone as it is, with this classifier."""
        return channels_last(Teacher(self.backbone, self.classes, head)).to(self.device).eval()

    @torch.no_grad()
    def features_of(self, images: LabelledImages, body: Callable[[Tensor], Tensor]) -> Tensor:
        """What a body, such as the backbone as it is, makes of the images, (N, C) on the CPU; fp32."""
        if body is self.backbone and self.frozen_features is not None:
            return self.frozen_features.of(images)
        batches = self.evaluated(images)
        return ProcessGroup.current().agreed(torch.cat([body(x).float().cpu() for x, _ in batches]))

    def fine_tuning(self, model: nn.Module) -> Step[Tensor]:
        """A step of training without a teacher: the teacher's own, or that of a plain network."""

        def step(images: Tensor, labels: Tensor, progress: float) -> Mapping[str, Tensor]:
            with self._autocast():
                logits = model(images)
            loss = self._cross_entropy(logits, labels, smoothing=0.1)
            loss.backward()
            return {"loss": loss}

        return step

    def remembering(self, model: RememberingTeacher) -> Step[Tensor]:
        """A step of fine-tuning that is drawn to the old heads' answers before it."""
        memory = channels_last(Memory(self.backbone)).to(self.device)

        def step(images: Tensor, labels: Tensor, progress: float) -> Mapping[str, Tensor]:
            with self._autocast():
                remembered = memory(images)
                logits, answers = model.answers(images)
            terms = {
                "classification": self._cross_entropy(logits, labels, smoothing=0.1),
                "forgetting": forgetting(answers, remembered),
            }
            loss = terms["classification"] + terms["forgetting"]
            loss.backward()
            return {"loss": loss, **terms}

        return step

    def student(self, teacher: Teacher) -> Student:
        """The full student, trained with eq. 12; it starts with the teacher's classifier."""
        self.seed("student")
        student = self.empty_student(full_plan(self.backbone.depth, self.config.skips))
        student.head.load_state_dict(teacher.head.state_dict())
        if self.config.regressed_images:
            with self._autocast():
                regress_proxies(student, teacher, self._some_images(self.config.regressed_images))
        self.start_warm(student)
        self._distil(student, teacher, STUDENT_RUN, self.config.student, self.config.student_weights)
        return student

    def start_warm(self, network: Student) -> None:
        """Let a network begin as the earlier version, if there is one: in the mode of training as well, what the
        version had learned of its blocks' statistics being told apart from those of the images."""
        if self.warm is not None:
            self.warm(network)
            unfold_statistics(network.eval(), (images for images, _ in self.evaluated(self.train)))

    def with_lessons(self, folds: int) -> "Fold":
        """This one of so many folds with a store for its lessons. Without one they are computed anew for every run; a
        GPU does that faster than a disk is read."""
        if self.device.type != "cpu":
            return self
        return replace(self, lessons=LessonStore.in_folder(self.folder, folds=folds))

    def empty_student(self, plan: Plan) -> Student:
        """A student of this plan as it is before anything is fitted or trained."""
        config = self.config
        student = Student(
            self.backbone,
            plan=plan,
            classes=self.classes,
            statistics=config.statistics,
            adapts=config.adapts and config.method != "dan",  # whose batch-norm follows the images and no more
            adapters=adapters_of(config.method),
        )
        return channels_last(student).to(self.device)

    def recovered(self, start: Student, teacher: Teacher, *, blocks: int) -> Student:
        """`start` without its weakest blocks, so that `blocks` are removed in all, after a short retraining without the
        complexity term.

        Raises `PlanCutsEveryPath`.
        """
        pruned = channels_last(start.pruned(self.plan_without(start, blocks), self.backbone)).to(self.device)
        if self.config.regressed_images:
            with self._autocast():
                take_over(pruned, start, self._some_images(self.config.regressed_images))
        run, schedule, weights = recover_run(blocks), self.config.recover, self.config.retrain_weights
        self._distil(pruned, teacher, run, schedule, weights, estimated_on=_ESTIMATED_IMAGES)
        return pruned

    def plan_without(self, start: Student, blocks: int) -> Plan:
        """The plan of a student without its weakest blocks, so that `blocks` are removed in all.

        Raises `PlanCutsEveryPath`.
        """
        more = max(0, sum(start.plan.blocks) + blocks - start.plan.depth)  # exclusions may have removed some already
        return prune(start.plan, start.alpha_values(), blocks=more, threshold=self.config.proxy_threshold)

    def polished(self, recovered: Student, teacher: Teacher, *, blocks: int) -> Student:
        """A copy of a network with `blocks` blocks removed after the long retraining."""
        polished = channels_last(recovered.pruned(recovered.plan, self.backbone)).to(self.device)
        self._distil(polished, teacher, polish_run(blocks), self.config.retrain, self.config.retrain_weights)
        return polished

    def _distil(
        self,
        student: Student,
        teacher: Teacher,
        name: str,
        schedule: Schedule,
        weights: LossWeights,
        *,
        estimated_on: int | None = None,
    ) -> None:
        batches = partial(self._lessons, name, schedule, self._teaching(student, teacher))
        learn, fitted = self._learning(student, weights), self.fitted(schedule)
        self.fit(student, name, fitted, learn, batches, estimated_on=estimated_on)

    def correct(self, model: nn.Module, images: LabelledImages) -> Tensor:
        """Whether each image's top-1 is right, bool (N,); fp32, as it is served."""
        was_training = model.training
        model.eval()
        right = correct_predictions(model, self.evaluated(images))
        model.train(was_training)
        return ProcessGroup.current().agreed(right)

    @torch.inference_mode()
    def answers(self, model: nn.Module, images: LabelledImages) -> Tensor:
        """The top-1 of each image by a model in eval mode, int64 (N,) on the CPU; fp32."""
        batches = self.evaluated(images)
        found = torch.cat([model(batch).argmax(1).cpu() for batch, _ in batches])
        return ProcessGroup.current().agreed(found)

    def distillation(self, student: Student, teacher: Teacher, weights: LossWeights) -> Step[Tensor]:
        """A step of eq. 12, plus the distillation of the logits, on images."""
        teach, learn = self._teaching(student, teacher), self._learning(student, weights)
        return lambda images, labels, progress: learn(lambda: teach(images), labels, progress)

    def _teaching(self, student: Student, teacher: Teacher) -> Teach:
        @functools.cache  # made for the first lesson: most runs find all of theirs in the store
        def in_inference_form() -> tuple[Teacher, nn.Module]:
            guide = teacher.guide(torch.bfloat16 if self.config.bf16 else torch.float32)
            return guide, folded(student.stem)

        @torch.no_grad()
        def teach(images: Tensor) -> Lesson:
            guide, stem = in_inference_form()
            with self._autocast():
                targets = guide.targets(images, nodes_wanted=self.config.compares_nodes)
                return Lesson(stem=stem(images), targets=targets)

        return teach

    def _learning(self, student: Student, weights: LossWeights) -> Step[Look]:
        """Terms that weigh nothing are not computed. Where the loss compares no nodes, a step goes back through each
        layer once instead of twice."""
        with self.device:
            expected_complexity = ExpectedComplexity(student.plan, self.costs)
        local_pass = LocalPass(student, nodes_compared=self.config.compares_nodes)
        guided = TEACHER_LOSSES[self.config.loss]

        def step(look: Look, labels: Tensor, progress: float) -> Mapping[str, Tensor]:
            lesson = look()
            with self._autocast():
                trace = local_pass.after_stem(lesson.stem)
            outputs, logits = trace.outputs, lesson.targets.logits
            terms = {"classification": self._cross_entropy(outputs.logits, labels)}
            if weights.gamma2:
                with self._autocast():
                    terms["teacher"] = guided(outputs, lesson.targets.nodes, logits)
            if weights.gamma1:
                alphas = {node: student.alpha(node) for node in student.plan.nodes()}
                terms["complexity"] = expected_complexity.floored(alphas)
            if weights.distillation:
                terms["distillation"] = distillation_loss(outputs, logits)
            loss = weights.weighted(terms, progress)
            trace.backward(loss)
            return {"loss": loss, **terms}

        return step

    def _lessons(
        self, run: str, schedule: Schedule, teach: Teach, _: torch.Generator, number: int
    ) -> Iterable[Batch[Look]]:
        """Those of an epoch of a run. There are as many views of the images as the student's training has epochs; where
        a run begins with them depends on its name. They are in batches that are not enlarged, so that runs with steps
        of different size share them."""
        view = (seeded(run).initial_seed() + number) % self.fitted(self.config.student).epochs
        name = f"{schedule.batch_size}/{view}"
        generator = seeded(self.config.seed, self.folder.name, name)
        store = self.lessons or LessonStore(self.folder, 0)
        lessons = store.epoch(name, lambda: self._batches(schedule, generator), teach)
        return joined(lessons, self.fitted(schedule).batch_size // schedule.batch_size)

    def _cross_entropy(self, logits: Tensor, labels: Tensor, *, smoothing: float = 0.0) -> Tensor:
        logits = logits.float()
        if self.class_weights is None:
            return F.cross_entropy(logits, labels, label_smoothing=smoothing)
        # Not by the function's own weights: it divides by their sum in the batch, which undoes them.
        each = F.cross_entropy(logits, labels, label_smoothing=smoothing, reduction="none")
        return (each * self.class_weights[labels]).mean()

    @functools.cached_property
    def class_weights(self) -> Tensor | None:
        weights = class_weights(self.train.labels, self.classes)
        return None if weights is None else weights.to(self.device)

    def fit(
        self,
        model: nn.Module,
        name: str,
        schedule: Schedule,
        step: Step[Inputs],
        batches: Batches[Inputs],
        *,
        estimated_on: int | None = None,
    ) -> None:
        """`estimated_on` so many training images the statistics are estimated anew; on all of them if it is None."""
        full_name = f"{self.folder.name}/{name}"
        history = fit(
            model,
            TrainingRun(
                name=full_name,
                seed=self.config.seed,
                schedule=schedule,
                steps=max(1, len(self.train) // schedule.batch_size),
                batches=batches,
                step=step,
                checkpoint=self.folder / f"{name}.pt",
                on_epoch=lambda epoch: self.on_epoch(name, schedule, epoch, model),
                # A recovery's accuracy is measured afterwards, with the statistics that it is judged by.
                validate=(lambda: float(self.correct(model, self.val).float().mean())) if schedule.epochs > 1 else None,
                validate_every=4,
            ),
        )
        self.on_run(full_name, history)
        self.reestimate_statistics(model, estimated_on)

    def _some_images(self, count: int) -> Tensor:
        """Up to so many, drawn at random; fewer large ones, which have as many places to learn from."""
        count = min(count, max(1, _REGRESSED_PIXELS // self.preprocessing.crop**2))
        order = torch.randperm(len(self.train), generator=torch.Generator().manual_seed(self.config.seed))
        images = next(iter(evaluation_batches(self.train.rows(order), self.preprocessing, batch_size=count)))[0]
        return images.to(self.device)

    def new_batches(self, schedule: Schedule, generator: torch.Generator, _: int) -> Iterable[Batch[Tensor]]:
        """Views that no other epoch has."""
        return self._batches(schedule, generator)

    def _batches(self, schedule: Schedule, generator: torch.Generator) -> Iterable[Batch[Tensor]]:
        batches = training_batches(
            self.train,
            self.preprocessing,
            batch_size=schedule.batch_size,
            flip=self.flip,
            generator=generator,
            group=ProcessGroup.current(),
        )
        if self.device.type == "cpu":
            return batches  # a prefetching thread would compete with the training for the cores
        return ((x.to(self.device), y.to(self.device), share) for x, y, share in prefetched(batches))

    def evaluated(self, images: LabelledImages) -> Iterator[tuple[Tensor, Tensor]]:
        """Batches of images, as they are served, and labels, on the device."""
        batches = evaluation_batches(images, self.preprocessing)
        return ((images.to(self.device), labels.to(self.device)) for images, labels in batches)

    def reestimate_statistics(self, model: nn.Module, count: int | None) -> None:
        """From the training images as serving prepares them, all or so many: a moving average over the last augmented
        batches is noisier and of another distribution. Teachers and students alike, or their accuracies could not be
        compared."""
        order = torch.randperm(len(self.train), generator=torch.Generator().manual_seed(self.config.seed))[:count]
        batches = self.evaluated(self.train.rows(order))
        with self._autocast():
            reestimate_statistics(model, (images for images, _ in batches))

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=bool(self.config.bf16))

    def seed(self, what: str) -> None:
        """Initial weights depend on seed, fold and purpose alone, not on what ran before."""
        key = hashlib.sha256(f"{self.config.seed}/{self.folder.name}/{what}".encode()).digest()
        torch.manual_seed(int.from_bytes(key[:7], "big"))
