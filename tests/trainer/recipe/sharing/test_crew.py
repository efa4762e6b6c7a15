"""The process that shares its runs; they are stand-ins that train nothing."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from nettailor.complexity.counting import PathCosts
from tests.trainer.tiny import tiny_config
from trainer.recipe.config import RecipeConfig
from trainer.recipe.selection import OutOfTime
from trainer.recipe.sharing.board import Board
from trainer.recipe.sharing.crew import Crew
from trainer.recipe.sharing.runs import TeacherRun
from trainer.training.fit import Epoch
from trainer.training.schedule import Schedule

EPOCH = Epoch(number=1, losses={"loss": 0.5}, accuracy=None, seconds=1.0)


@dataclass
class NamedFold:
    """A teacher is a classifier of as many classes as its schedule has epochs."""

    folder: Path
    trained: list[int] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    config: RecipeConfig = field(default_factory=tiny_config)
    flip: bool = False
    costs: PathCosts = field(default_factory=lambda: PathCosts(blocks={}, proxies={}))
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    def teacher(self, schedule: Schedule, head: nn.Linear) -> nn.Linear:
        self.trained.append(schedule.epochs)
        return nn.Linear(1, schedule.epochs)

    def on_run(self, name: str, history: list[Epoch]) -> None:
        self.done.append(name)


@dataclass
class Called:
    """Whether helpers may come, and how many were called."""

    may: bool = True
    counts: list[int] = field(default_factory=list)

    def may_come(self) -> bool:
        return self.may

    def call(self, count: int) -> None:
        self.counts.append(count)


@dataclass
class Stage:
    """A crew on a board, with what it told, and what happens when it pauses."""

    folder: Path
    helpers: Called = field(default_factory=Called)
    told: list[tuple[str, int, Epoch]] = field(default_factory=list)
    meanwhile: Callable[[], None] = lambda: None
    ends: bool = False  # whether waits are ended

    def __post_init__(self) -> None:
        self.fold, self.board = NamedFold(self.folder / "fold0"), Board(self.folder)
        self.crew = Crew(
            self.board,
            self.helpers,
            folds=1,
            backbone="0" * 64,
            told=lambda *said: self.told.append(said),
            check=self.check,
            pause=lambda seconds: self.meanwhile(),
        )

    def check(self) -> None:
        if self.ends:
            raise OutOfTime

    def runs(self, *epochs: int) -> list[TeacherRun]:
        fold: Any = self.fold
        return [TeacherRun(fold=fold, schedule=Schedule(epochs=n, lr=1.0), head=nn.Linear(1, 1)) for n in epochs]

    def carry_out(self, *epochs: int) -> list[int]:
        outcomes: list[Any] = self.crew.carry_out(self.runs(*epochs))
        return [outcome.out_features for outcome in outcomes]


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def test_without_helpers_nothing_is_posted(stage: Stage) -> None:
    stage.helpers.may = False
    assert stage.carry_out(1, 2) == [1, 2]
    assert (stage.fold.trained, stage.helpers.counts, stage.board.is_there) == ([1, 2], [], False)


def test_one_run_alone_is_not_posted(stage: Stage) -> None:
    assert stage.carry_out(1) == [1]
    assert (stage.helpers.counts, stage.board.is_there) == ([], False)


def test_what_another_has_in_hand_is_waited_for_and_taken_over_if_it_is_left(stage: Stage) -> None:
    first = stage.runs(1)[0]
    lock = stage.board.lock(first.name)
    assert lock.acquire()

    def leave() -> None:
        assert stage.fold.trained == [2]
        stage.board.tell(first.name, 3, EPOCH)
        lock.release()

    stage.meanwhile = leave
    assert stage.carry_out(1, 2) == [1, 2]
    assert (stage.fold.trained, stage.told) == ([2, 1], [(first.name, 3, EPOCH)])
    assert stage.board.postings() == []
    assert stage.helpers.counts == [1]


def test_the_outcome_of_another_is_taken_once(stage: Stage) -> None:
    (_, second) = stage.runs(1, 2)
    stage.crew.offer(stage.runs(1, 2), needed=True)
    stage.board.write_outcome(second.name, stage.fold, nn.Linear(1, 5), [EPOCH])  # type: ignore[arg-type]  # a stand-in
    assert stage.carry_out(1, 2) == [1, 5]
    assert (stage.fold.trained, stage.fold.done) == ([1], [second.name])
    assert not stage.board.has_outcome(second.name)


def test_an_outcome_of_an_earlier_attempt_is_not(tmp_path: Path) -> None:
    before = Stage(tmp_path)
    (only,) = before.runs(1)
    before.board.write_outcome(only.name, before.fold, nn.Linear(1, 5), [EPOCH])  # type: ignore[arg-type]  # a stand-in
    after = Stage(tmp_path)
    assert after.carry_out(1) == [1]
    assert after.fold.trained == [1]


def test_what_an_earlier_attempt_told_may_have_been_cut_short(tmp_path: Path) -> None:
    before = Stage(tmp_path)
    (first, second) = before.runs(1, 2)
    before.crew.offer([first, second], needed=True)
    before.board.tell(second.name, 2, EPOCH)
    (told,) = (tmp_path / "shared").glob("*.epochs")
    told.write_bytes(told.read_bytes()[:-9])  # the disk was full
    before.board.tell(second.name, 2, EPOCH)
    after = Stage(tmp_path)
    assert after.carry_out(1, 2) == [1, 2]


def test_what_another_release_posted_is_not_read(tmp_path: Path) -> None:
    Stage(tmp_path).crew.offer(Stage(tmp_path).runs(1, 2), needed=True)
    (tmp_path / "shared" / "fold0.other.json").write_text('{"name": "fold0/other"}')
    after = Stage(tmp_path)
    after.crew.offer(after.runs(2, 3), needed=True)
    assert [posting.name for posting in after.board.postings()] == [run.name for run in after.runs(3, 2)]


def test_helpers_begin_with_the_last_of_what_is_needed_and_with_the_first_guess(stage: Stage) -> None:
    guesses = stage.runs(7, 8)
    stage.crew.offer(guesses, needed=False)
    stage.crew.offer(stage.runs(1, 2, 3), needed=True)
    first = [posting.name.rpartition("-e")[2] for posting in stage.board.postings()]
    assert first == ["3", "2", "1", "7", "8"]
    assert stage.helpers.counts == [2, 2]
    stage.crew.offer(stage.runs(1, 2, 3), needed=True)  # as it has been already
    assert stage.helpers.counts == [2, 2]


def test_a_full_disk_is_told_as_what_it_is(stage: Stage) -> None:
    (first, _) = runs = stage.runs(1, 2)
    board = stage.folder / "shared"
    board.mkdir()
    (board / f"{first.name.replace('/', '.')}.head.{os.getpid()}.part").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left on device"):  # torch itself raises an error of its own
        stage.crew.offer(runs, needed=True)


def test_a_wait_that_is_ended_leaves_nothing_to_do(stage: Stage) -> None:
    stage.ends = True
    with stage.board.lock(stage.runs(1)[0].name) as lock:
        assert lock.acquire()
        with pytest.raises(OutOfTime):
            stage.carry_out(1, 2)
    assert stage.board.postings() == []


def test_at_the_end_in_order_the_board_goes_else_it_stays_for_the_next_attempt(stage: Stage) -> None:
    def broken_off() -> None:
        with stage.crew:
            stage.crew.offer(stage.runs(1, 2), needed=True)
            raise OutOfTime

    with pytest.raises(OutOfTime):
        broken_off()
    assert stage.board.is_there
    with stage.crew:
        pass
    assert not stage.board.is_there
