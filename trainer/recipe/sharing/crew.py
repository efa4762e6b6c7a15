"""The process of a tailoring among others that carry out some of its runs.

It posts runs, begins with the first one while helpers begin with the last, takes whatever nobody has begun, and waits
for what others have in hand; what they leave unfinished, however they end, is its own again. Outcomes come back in the
order in which the runs were asked for, so that who carried them out decides nothing.
"""

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar

from torch import nn

from hosting.processes.file_lock import FileLock
from trainer.recipe.fold import OnEpoch
from trainer.recipe.sharing.board import Board
from trainer.recipe.sharing.posting import Posting
from trainer.recipe.sharing.runs import Run
from trainer.training.fit import Epoch
from trainer.training.schedule import Schedule

M = TypeVar("M", bound=nn.Module)

_LOOK_SECONDS = 0.25  # between looks at what others have in hand, where nothing else is left to do


class Helpers(Protocol):
    """Processes that may carry out runs (`trainer.recipe.sharing.helper`)."""

    def may_come(self) -> bool:
        """Whether it is worth while to post a run."""

    def call(self, count: int) -> None:
        """So many of them would find something to do."""


class Alone:
    """A process that carries every run out itself."""

    def carry_out(self, runs: Sequence[Run[M]]) -> list[M]:
        """The outcomes of the runs, in their order."""
        return [run.carry_out() for run in runs]

    def offer(self, runs: Sequence[Run[Any]], *, needed: bool) -> None:
        """Let others begin with runs that will be, or if not `needed` might be, asked for later."""

    def looking(self, on_epoch: OnEpoch) -> OnEpoch:
        """The same, and then a look at what others have done meanwhile."""
        return on_epoch

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """At the end in order, nothing is left for others to do."""


class Crew(Alone):
    """With helpers, if any come. `told` hears of their epochs: the run, its number of epochs, and the epoch; `check`
    may raise to end a wait. `folds` is the number of the tailoring's, `backbone` the fingerprint of its."""

    def __init__(
        self,
        board: Board,
        helpers: Helpers,
        *,
        folds: int,
        backbone: str,
        told: Callable[[str, int, Epoch], None],
        check: Callable[[], None],
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._board, self._helpers, self._folds, self._backbone = board, helpers, folds, backbone
        self._tell, self._check, self._pause = told, check, pause
        self._posted: dict[str, int] = {}  # names of runs, each with how many of its epochs were told
        self._kept: dict[int, tuple[nn.Module, str]] = {}  # networks in files, by identity
        self._offered = 0
        board.forget_attempt()

    def carry_out(self, runs: Sequence[Run[M]]) -> list[M]:
        outcomes: dict[int, M] = {}
        with self._nothing_left_on_failure():
            if len(runs) > 1:
                self.offer(runs, needed=True)
            while len(outcomes) < len(runs):
                free = self._first_free([place for place in range(len(runs)) if place not in outcomes], runs)
                if free is None:
                    self.look()
                    self._check()
                    self._pause(_LOOK_SECONDS)
                    continue
                place, lock = free
                with lock:
                    outcomes[place] = self._outcome(runs[place])
        return [outcomes[place] for place in range(len(runs))]

    def offer(self, runs: Sequence[Run[Any]], *, needed: bool) -> None:
        new = [run for run in runs if run.name not in self._posted]
        wanted = len(new) - needed  # one of the needed ones is this process's own
        if wanted < 1 or not self._helpers.may_come():
            return
        for place, run in enumerate(new):
            # Of those that are needed this process begins with the first, so that helpers begin with the last.
            self._post(run, order=-place if needed else self._offered + place + 1)
        self._offered += len(new)
        self._helpers.call(wanted)

    def looking(self, on_epoch: OnEpoch) -> OnEpoch:
        def on_epoch_and_look(name: str, schedule: Schedule, epoch: Epoch, model: nn.Module) -> None:
            self.look()
            on_epoch(name, schedule, epoch, model)

        return on_epoch_and_look

    def look(self) -> None:
        """Pass on which epochs helpers have trained."""
        for run, known in list(self._posted.items()):
            for epochs, epoch in self._board.told(run, known):
                self._posted[run] += 1
                self._tell(run, epochs, epoch)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._board.remove()

    def _post(self, run: Run[Any], *, order: int) -> None:
        self._posted[run.name] = len(list(self._board.told(run.name, 0)))
        inputs = {role: self._file_of(run.name, role, network) for role, network in run.inputs.items()}
        self._board.post(Posting.of(run, order=order, folds=self._folds, backbone=self._backbone, inputs=inputs))

    def _file_of(self, run: str, role: str, network: nn.Module) -> str:
        """Named by the first run that starts from the network: the same name has the same bits in every attempt."""
        if id(network) not in self._kept:
            self._kept[id(network)] = network, self._board.write_input(run, role, network)
        return self._kept[id(network)][1]

    def _first_free(self, places: Sequence[int], runs: Sequence[Run[Any]]) -> tuple[int, FileLock] | None:
        for place in places:
            lock = self._board.lock(runs[place].name)
            if lock.acquire():
                return place, lock
        return None

    def _outcome(self, run: Run[M]) -> M:
        """Of a run whose lock this process holds."""
        self._board.withdraw(run.name)
        self.look()
        taken = self._board.take_outcome(run.name, run.fold)
        if taken is None:
            return run.carry_out()
        network, history = taken
        run.fold.on_run(run.name, history)
        done: M = network
        return done

    @contextlib.contextmanager
    def _nothing_left_on_failure(self) -> Iterator[None]:
        try:
            yield
        except BaseException:  # whatever ends the tailoring, or its search: nobody waits for the rest
            for run in self._posted:
                self._board.withdraw(run)
            self._posted.clear()
            raise
