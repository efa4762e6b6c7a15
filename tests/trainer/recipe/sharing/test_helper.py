"""A tailoring whose runs others carry out, wholly or in part, ends with the bundle of one that is alone.

The helper is in this process: it works where the tailoring calls for it.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from tests.trainer.recipe.runs import fold_in, seeded_backbone, tailored
from tests.trainer.tiny import tiniest_config, tiny_task
from trainer.errors import HelperUnfit
from trainer.events import Event
from trainer.recipe.result import Tailored
from trainer.recipe.sharing.board import Board
from trainer.recipe.sharing.helper import Helper
from trainer.recipe.sharing.posting import Posting
from trainer.recipe.sharing.runs import StudentRun
from trainer.training.schedule import Schedule

CONFIG = tiniest_config(folds=2, teacher_lrs=(0.01, 0.03))


@dataclass
class Helping:
    """A helper that comes at once; of teachers it trains an epoch and leaves, of all else whatever there is."""

    checkpoints: Path
    taken: list[str] = field(default_factory=list)
    kinds: set[str] = field(default_factory=set)

    def may_come(self) -> bool:
        return True

    def call(self, count: int) -> None:
        kinds = {posting.kind for posting in Board(self.checkpoints).postings()}
        self.kinds |= kinds
        helper = Helper(tiny_task(), self.checkpoints, seeded_backbone(), wanted=lambda: "teacher" not in kinds)
        while (name := helper.take()) is not None:
            self.taken.append(name)
            if "teacher" in kinds:
                assert not Board(self.checkpoints).has_outcome(name)
                return


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Tailored:
    return tailored(tmp_path_factory.mktemp("alone"), config=CONFIG)


def test_who_carries_the_runs_out_makes_no_difference(tmp_path: Path, alone: Tailored) -> None:
    events: list[Event] = []
    helping = Helping(tmp_path)
    shared = tailored(tmp_path, events.append, config=CONFIG, helpers=helping)
    assert helping.kinds == {"teacher", "student", "recover", "polish"}
    assert [point.bundle for point in shared.points] == [point.bundle for point in alone.points]
    assert not Board(tmp_path).is_there
    lengths = {name: len(epochs) for name, epochs in shared.history.items()}
    assert lengths == {name: len(epochs) for name, epochs in alone.history.items()}
    told = [event.fields for event in events if event.kind == "epoch"]
    each = Counter(str(fields["run"]) for fields in told)
    of_both_folds: Counter[str] = Counter()
    for name, length in lengths.items():
        of_both_folds[name.partition("/")[2]] += length
    assert {run: each[run] for run in of_both_folds} == of_both_folds
    assert any("helped" in fields for fields in told)
    progress = [event.progress for event in events]
    assert progress == sorted(progress)


def test_where_the_clock_decides_the_manifest_says_that_others_have_helped(tmp_path: Path, alone: Tailored) -> None:
    """They leave time for more, so that the bundle need not be the one that a single worker makes."""
    shared = tailored(tmp_path, config=replace(CONFIG, max_minutes=600.0), helpers=Helping(tmp_path))
    assert shared.manifest.recipe["helped"] is True
    assert "helped" not in alone.manifest.recipe


@pytest.mark.parametrize(
    ("other", "told"),
    [
        (lambda posting: replace(posting, machine=f"{posting.machine} more"), "threads more; this one"),
        (lambda posting: replace(posting, backbone="5" * 64), "that has backbone 555555555555, "),
    ],
    ids=["machine", "backbone"],
)
def test_a_helper_that_would_train_another_network_does_not(
    tmp_path: Path, other: Callable[[Posting], Posting], told: str
) -> None:
    fold, board = fold_in(tmp_path / "fold1"), Board(tmp_path)
    teacher = fold.untrained_teacher()
    inputs = {"teacher": board.write_input("fold1/student", "teacher", teacher)}
    run, fingerprint = StudentRun(fold=fold, teacher=teacher), fold.backbone.fingerprint()
    board.post(other(Posting.of(run, order=0, folds=2, backbone=fingerprint, inputs=inputs)))
    with pytest.raises(HelperUnfit, match=told):
        Helper(tiny_task(), tmp_path, seeded_backbone(), wanted=lambda: True).work()
    assert board.postings() == []


def test_a_posting_comes_back_as_it_was(tmp_path: Path) -> None:
    fold = fold_in(tmp_path / "fold1")
    run = StudentRun(fold=fold, teacher=fold.untrained_teacher())
    posting = Posting.of(run, order=-1, folds=2, backbone="5" * 64, inputs={"teacher": "one"})
    posting = replace(posting, schedule=Schedule(epochs=3, lr=0.1 + 0.2), blocks=4)
    board = Board(tmp_path)
    board.post(posting)
    assert board.postings() == [posting]
    board.withdraw(posting.name)
    assert not board.has(posting.name)
