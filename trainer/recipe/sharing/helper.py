"""Another process that carries out runs of a tailoring.

It changes nothing but the checkpoints of the runs that it holds the locks of. Killed at any point, it leaves what the
tailoring's own process goes on from.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from torch import nn

from nettailor.network.backbones import Backbone, channels_last
from trainer.errors import HelperUnfit
from trainer.recipe.costs import RelativeCosts
from trainer.recipe.fold import Fold, OnEpoch
from trainer.recipe.sharing.board import Board
from trainer.recipe.sharing.posting import Posting, digest_of_costs, machine_in_words
from trainer.training.data import TaskData
from trainer.training.device import training_device
from trainer.training.fit import Epoch
from trainer.training.schedule import Schedule
from trainer.training.stratified_folds import stratified_folds

logger = logging.getLogger(__name__)

_LOOK_SECONDS = 0.5  # between looks for a run


class _Leaving(Exception):
    """The helper is wanted elsewhere, or the run no more."""


class Helper:
    """`wanted` says whether to go on; it is asked after every epoch, and all the time while there is no run to take."""

    def __init__(
        self,
        data: TaskData,
        checkpoints: Path,
        backbone: Backbone,
        wanted: Callable[[], bool],
        *,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._checkpoints = checkpoints
        self._board = Board(checkpoints)
        self._wanted, self._pause = wanted, pause
        self._data = data
        self._backbone = channels_last(backbone).to(training_device())
        self._fingerprint = backbone.fingerprint()
        self._folds: dict[int, Fold] = {}  # of those it has worked on: they have lessons that the next run may need
        self._history: list[Epoch] = []  # of the latest run that has come to its end

    def work(self) -> None:
        """Carry out runs until it is not wanted any more. Raises `HelperUnfit`, `TrainingDiverged`."""
        while self._goes_on():
            if self.take() is None:
                self._pause(_LOOK_SECONDS)

    def take(self) -> str | None:
        """Carry out one run, if there is one that nobody has in hand; its name."""
        for posting in sorted(self._board.postings(), key=self._urgency):
            with self._board.lock(posting.name) as lock:
                if lock.acquire() and self._is_open(posting.name):
                    self._carry_out(posting)
                    return posting.name
        return None

    def _urgency(self, posting: Posting) -> tuple[bool, bool, int]:
        """Lowest first: what is needed, then folds whose lessons are here."""
        return posting.is_guess, posting.fold not in self._folds, posting.order

    def _goes_on(self) -> bool:
        return self._board.is_there and self._wanted()

    def _is_open(self, run: str) -> bool:
        return self._board.has(run) and not self._board.has_outcome(run)

    def _carry_out(self, posting: Posting) -> None:
        logger.info("helping with %s", posting.name)
        try:
            fold = self._fold(posting)
            inputs = {role: self._board.read_input(name, fold) for role, name in posting.inputs.items()}
            network = posting.run(fold, inputs).carry_out()
        except _Leaving:
            return
        except BaseException as fault:  # whatever it is, the tailoring's own process shall meet it, and no other helper
            self._board.withdraw(posting.name)
            if isinstance(fault, FileNotFoundError) and not self._goes_on():
                return  # the tailoring has ended, and its folders are gone
            raise
        if self._board.has(posting.name):
            self._board.write_outcome(posting.name, fold, network, self._history)

    def _fold(self, posting: Posting) -> Fold:
        if posting.fold not in self._folds:
            self._folds[posting.fold] = self._new_fold(posting)
        fold = replace(self._folds[posting.fold], config=posting.config)
        machine, wanted = machine_in_words(fold.device), (posting.backbone, posting.machine, posting.costs)
        if wanted != (self._fingerprint, machine, digest_of_costs(fold.costs)):
            raise HelperUnfit((posting.backbone, posting.machine), (self._fingerprint, machine))
        return fold

    def _new_fold(self, posting: Posting) -> Fold:
        data, config, backbone = self._data, posting.config, self._backbone
        train, val = stratified_folds(data, posting.folds, config.seed)[posting.fold]
        costs = RelativeCosts(
            config, backbone.geometry, image_side=data.preprocessing.crop, classes=len(data.classes)
        ).costs
        fold = Fold(
            config=config,
            backbone=backbone,
            preprocessing=data.preprocessing,
            classes=len(data.classes),
            train=train,
            val=val,
            flip=posting.flip,
            costs=costs,
            folder=self._checkpoints / f"fold{posting.fold}",
            on_epoch=self._on_epoch_of(f"fold{posting.fold}"),
            on_run=self._on_run,
            device=training_device(),
        )
        return fold.with_lessons(posting.folds)

    def _on_epoch_of(self, fold: str) -> OnEpoch:
        def on_epoch(name: str, schedule: Schedule, epoch: Epoch, model: nn.Module) -> None:
            run = f"{fold}/{name}"
            self._board.tell(run, schedule.epochs, epoch)
            is_last = epoch.number == schedule.epochs
            if not is_last and not (self._board.has(run) and self._goes_on()):
                raise _Leaving

        return on_epoch

    def _on_run(self, name: str, history: list[Epoch]) -> None:
        self._history = history
