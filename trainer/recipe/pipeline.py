"""The NetTailor recipe: teacher -> student -> prune and retrain for several k -> select (sections 3.5 and 4.1)."""

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from torch import nn

from nettailor.bundle.bundle import Bundle, check_backbone
from nettailor.bundle.manifest import PLAIN_METHODS, WHOLE_METHODS
from nettailor.errors import PlanCutsEveryPath
from nettailor.network.backbones import Backbone, channels_last
from nettailor.network.student import Student
from trainer.errors import OldHeadsMissing
from trainer.events import Event
from trainer.recipe.config import RecipeConfig
from trainer.recipe.costs import RelativeCosts
from trainer.recipe.fold import Fold
from trainer.recipe.folds import Folds
from trainer.recipe.methods.packed import check_free
from trainer.recipe.methods.plain import PlainStages, with_rate
from trainer.recipe.methods.whole import train_whole
from trainer.recipe.paired import difference
from trainer.recipe.planner import Planner, WorkPlan
from trainer.recipe.result import Result, Tailored, Trained
from trainer.recipe.selection import Candidate, OutOfTime, Search, choose, latest, settled, tolerated
from trainer.recipe.sharing.board import Board
from trainer.recipe.sharing.crew import Alone, Crew, Helpers
from trainer.recipe.teachers.frozen_features import FrozenFeatures
from trainer.recipe.timing.decision_log import DecisionLog
from trainer.recipe.timing.early_finish import EarlyFinish, FinishRequest, never
from trainer.recipe.timing.elapsed import Elapsed
from trainer.recipe.timing.progress_reporter import ProgressReporter, shown_alphas
from trainer.recipe.timing.time_budget import EXPECTED, LONGEST, ExpectedSearch
from trainer.recipe.warm_start import WarmStart, start_from, without_trained_on
from trainer.training.data import TaskData, load_dataset
from trainer.training.device import training_device
from trainer.training.distributed import ProcessGroup
from trainer.training.evaluate import image_digests
from trainer.training.fit import Epoch
from trainer.training.schedule import Schedule

_HELPED = "helped"  # the decision log's word that helpers have trained something


def tailor(
    task: str,
    dataset: Path,
    config: RecipeConfig,
    *,
    backbone: Backbone,
    report: Callable[[Event], None],
    checkpoints: Path,
    warm: WarmStart | None = None,
    chain: tuple[Bundle, ...] = (),
    finish: Callable[[], FinishRequest | None] = never,
    helpers: Helpers | None = None,
) -> Tailored:
    """Tailor `backbone` to a dataset file, starting from an earlier version of the task if there is one. A task of
    method packnet stands on a `chain`, the first one first.

    Seeded: equal dataset, configuration, backbone and machine give equal bundles. Run again with the same
    `checkpoints` folder after a break, it goes on where it was and ends with the same bundle. The search for
    the network to publish ends when `finish`, which is called after every epoch, gives a request. `helpers` may
    carry out some of its runs, which changes nothing in the bundle, but that more of them fit into `max_minutes`.
    Raises `BackboneNotPruned`, `BundleWrongBackbone`, `ChainOverlaps`, `NoWeightsLeft`, `OldHeadsMissing`,
    `TimeTooShort`, `TrainingDiverged`.
    """
    with Elapsed(checkpoints / "clock.json"):
        data = load_dataset(dataset, backbone.preprocessing)
    if warm is not None:
        data = replace(data, val=without_trained_on(data.val, image_digests(dataset, "val"), warm))
    return tailor_data(
        task,
        data,
        config,
        backbone=backbone,
        report=report,
        checkpoints=checkpoints,
        warm=warm,
        chain=chain,
        finish=finish,
        helpers=helpers,
    )


def tailor_data(
    task: str,
    data: TaskData,
    config: RecipeConfig,
    *,
    backbone: Backbone,
    report: Callable[[Event], None],
    checkpoints: Path,
    warm: WarmStart | None = None,
    chain: tuple[Bundle, ...] = (),
    finish: Callable[[], FinishRequest | None] = never,
    helpers: Helpers | None = None,
) -> Tailored:
    """`tailor` for a dataset in memory."""
    if warm is not None:
        check_backbone(warm.bundle, backbone.fingerprint())
    if config.method == "lwf" and not backbone.old_heads:
        raise OldHeadsMissing(backbone.name)
    if config.method == "packnet":
        check_free(backbone, chain)
    config = replace(config, statistics=PLAIN_METHODS.get(config.method, config.statistics))
    with Elapsed(checkpoints / "clock.json") as elapsed:
        progress = ProgressReporter(
            report,
            images=len(data.train),
            validated_on=len(data.val),
            limit_s=lambda: math.inf if config.max_minutes is None else 60 * config.max_minutes - elapsed.seconds,
            clock=lambda: elapsed.seconds,
        )
        decision_log = DecisionLog(checkpoints / "decisions.json")
        early = EarlyFinish(finish, decision_log)
        planner = Planner(
            config=config,
            data=data,
            decision_log=decision_log,
            elapsed=None if config.max_minutes is None else elapsed,
            progress=progress,
            starts_warm=warm is not None,
        )
        costs = RelativeCosts(config, backbone.geometry, image_side=data.preprocessing.crop, classes=len(data.classes))
        backbone = channels_last(backbone).to(training_device())
        progress.enter("measure")
        features = FrozenFeatures(backbone, data.preprocessing)
        plan = planner.plan_everything(features)
        fold = _first_fold(
            plan, data, backbone, costs, folder=checkpoints / "fold0", progress=progress, early=early, warm=warm
        )
        fold = replace(fold, chain=chain, frozen_features=features)
        plan = planner.plan_teachers(plan, fold, checkpoints / "pace")
        progress.unit = planner.unit
        crew = Alone()
        if helpers is not None and warm is None and not chain and ProcessGroup.current().size == 1:
            crew = _crew(plan, fold, helpers, decision_log, checkpoints=checkpoints, progress=progress, early=early)
        with crew:
            fold = replace(fold, on_epoch=crew.looking(fold.on_epoch))
            trained = _trained(planner, plan, Folds.split(fold, data, plan.folds, crew), costs, progress, early=early)
        helped = decision_log.get(_HELPED) is not None
        result = Result(task=task, data=data, costs=costs, warm=warm, trained=trained, helped=helped)
        return Tailored.of(
            result.points(),
            history=progress.history,
            time=planner.time_report(),
            finished_early=with_rate(early.report(), trained.plan.config),
        )


def _trained(
    planner: Planner,
    plan: WorkPlan,
    folds: Folds,
    costs: RelativeCosts,
    progress: ProgressReporter,
    *,
    early: EarlyFinish,
) -> Trained:
    """What the stages of the method give."""
    if plan.config.method == "nettailor":
        return _Stages(planner, plan, folds, costs, progress, early=early).run()
    if plan.config.method in WHOLE_METHODS:
        return train_whole(plan, folds, costs, progress)
    return PlainStages(planner, plan, folds, costs, progress, early=early).run()


def _crew(
    plan: WorkPlan,
    fold: Fold,
    helpers: Helpers,
    decision_log: DecisionLog,
    *,
    checkpoints: Path,
    progress: ProgressReporter,
    early: EarlyFinish,
) -> Crew:
    def told(run: str, epochs: int, epoch: Epoch) -> None:
        decision_log.made(_HELPED, lambda: True)
        progress.epoch_elsewhere(run, epochs, epoch)

    return Crew(
        Board(checkpoints),
        helpers,
        folds=plan.folds,
        backbone=fold.backbone.fingerprint(),
        told=told,
        check=early.check,
    )


def _first_fold(
    plan: WorkPlan,
    data: TaskData,
    backbone: Backbone,
    costs: RelativeCosts,
    *,
    folder: Path,
    progress: ProgressReporter,
    early: EarlyFinish,
    warm: WarmStart | None,
) -> Fold:
    """The fold of the dataset's own split."""

    def on_epoch(run: str, schedule: Schedule, epoch: Epoch, model: nn.Module) -> None:
        progress.epoch(run, schedule, epoch, model)
        early.check()

    return Fold(
        config=plan.config,
        backbone=backbone,
        preprocessing=data.preprocessing,
        classes=len(data.classes),
        train=data.train,
        val=data.val,
        flip=plan.flip,
        costs=costs.costs,
        folder=folder,
        on_epoch=on_epoch,
        on_run=progress.run,
        device=training_device(),
        warm=None if warm is None else partial(start_from, bundle=warm.bundle, classes=data.classes),
    )


class _Stages:
    """The stages that train and choose, in order."""

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
        self._planner = planner
        self._plan = plan
        self._folds = folds
        self._costs = costs
        self._progress = progress
        self._early = early
        self._measured: list[Candidate[Student]] = []  # in the order in which they came

    def run(self) -> Trained:
        self._follow(self._plan)
        self._progress.enter("teacher", folds=self._plan.folds, flip=self._plan.flip)
        teacher = self._folds.train_teachers(self._progress.log)
        self._yardstick = teacher
        self._follow(self._planner.plan_students(self._plan))
        self._progress.enter("student", teacher_accuracy=teacher.yardstick, teacher_search=teacher.as_json())
        students = self._folds.train_students()
        self._follow(self._planner.plan_candidates(self._plan))
        self._progress.enter("prune", alphas=shown_alphas(students[0]))
        self._progress.enter("retrain")
        candidates = self._search()
        chosen = self._best(candidates)
        self._progress.settle()
        self._progress.enter("select", blocks_removed=chosen.blocks_removed, within_target=chosen.good)
        return Trained(
            plan=self._plan,
            fold=self._folds.first,
            teacher=teacher,
            candidates=candidates,
            chosen=chosen,
            finished_early=self._early.happened,
            skipped=self._planner.skipped(),
        )

    def _follow(self, plan: WorkPlan) -> None:
        self._plan = plan
        self._folds.configure(plan.config)
        self._progress.expected = plan.work(self._planner.unit)

    def _search(self) -> list[Candidate[Student]]:
        config = self._plan.config
        Search(
            recover=self._recover,
            polish=self._polish,
            foresee=self._folds.foresee_polish,
            most=self._folds.first.backbone.depth,
            cut=config.cut,
            drop=config.target_drop,
            wanted=config.wanted,
        ).run()
        return self._settled(self._early.chosen_from(self._measured))

    def _recover(self, blocks: int) -> Candidate[Student] | None:
        if blocks > 0:  # the student itself costs no more time, and without it there might be nothing to publish
            self._may_train(blocks, polish=False)
        try:
            return self._judged(blocks, self._folds.recover(blocks), polished=False)
        except PlanCutsEveryPath:
            return None

    def _polish(self, blocks: int) -> Candidate[Student]:
        self._may_train(blocks, polish=True)
        return self._judged(blocks, self._folds.polish(blocks), polished=True)

    def _may_train(self, blocks: int, *, polish: bool) -> None:
        """Raises `OutOfTime`."""
        if not self._planner.allows_candidate(blocks, self._plan, polish=polish):
            raise OutOfTime
        self._early.begin(blocks)
        self._expect(polish=polish)

    def _expect(self, *, polish: bool) -> None:
        """How much there is to do still, now that the search has come so far."""
        polished = sum(candidate.polished for candidate in self._measured)
        cuts = len(self._measured) - polished - 1  # the student itself is none
        left = ExpectedSearch(
            cuts=0 if polish else max(1, min(EXPECTED.cuts, self._plan.most_cuts) - cuts),
            polished=max(int(polish), EXPECTED.polished - polished),
        )
        self._progress.expected = self._progress.done + self._plan.search_work(self._planner.unit, left)
        more = ExpectedSearch(cuts=0, polished=int(polish and EXPECTED.polished <= polished + 1 < LONGEST.polished))
        self._progress.possible = self._plan.search_work(self._planner.unit, more)

    def _judged(self, blocks: int, students: list[Student], *, polished: bool) -> Candidate[Student]:
        """The students of all folds as one candidate, whose model is the first fold's."""
        config, plan = self._plan.config, students[0].plan
        right, teacher = self._folds.correct(students).numpy(), self._yardstick
        accuracy = float(right.mean())
        gap, error = accuracy - teacher.yardstick, difference(right, teacher.right).error
        candidate = Candidate(
            blocks_removed=blocks,
            accuracy=accuracy,
            cost=self._costs.cost(plan),
            good=self._costs.fits(plan) if config.has_budget else gap >= -tolerated(config.target_drop, error),
            model=students[0],
            gap=gap,
            error=error,
            polished=polished,
        )
        self._measured.append(candidate)
        self._early.measured()
        self._tell(candidate)
        return candidate

    def _tell(self, candidate: Candidate[Student]) -> None:
        complexity = self._costs.complexity(candidate.model.plan)
        self._progress.candidate(
            {
                "k": candidate.blocks_removed,
                "accuracy": candidate.accuracy,
                "validated_on": len(self._yardstick.right),
                "teacher_accuracy": self._yardstick.yardstick,
                "gap": candidate.gap,
                "error": candidate.error,
                "polished": candidate.polished,
                "cost": candidate.cost,
                "macs_removed": complexity.net_macs_removed,
                "params_removed": complexity.net_params_removed,
                "good": candidate.good,
                "best": self._best(self._settled(self._measured)).blocks_removed,
            }
        )

    def _settled(self, measured: list[Candidate[Student]]) -> list[Candidate[Student]]:
        config, candidates = self._plan.config, latest(measured)
        return candidates if config.has_budget else settled(candidates, config.target_drop)

    def _best(self, candidates: list[Candidate[Student]]) -> Candidate[Student]:
        return choose(candidates, self._plan.config.target_drop, wanted=self._plan.config.wanted)
