"""A search that somebody ends early: what was measured when they asked is chosen from, whatever happens meanwhile."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from nettailor.bundle.bundle import decode
from tests.trainer.recipe.runs import Broken, tailored
from tests.trainer.tiny import tiniest_config
from trainer.events import Event
from trainer.recipe.result import Tailored
from trainer.recipe.selection import Candidate, OutOfTime, latest
from trainer.recipe.timing.decision_log import DecisionLog
from trainer.recipe.timing.early_finish import EarlyFinish, FinishRequest, never

CONFIG = tiniest_config()
AT = "2026-11-28T12:00:00.000+00:00"


class Somebody:
    """Asks when `wants` says so of an event and the candidates measured by then."""

    def __init__(self, wants: Callable[[Event, list[int]], bool]) -> None:
        self.request: FinishRequest | None = None
        self.events: list[Event] = []
        self._wants = wants

    def report(self, event: Event) -> None:
        self.events.append(event)
        if self.request is None and self._wants(event, self.measured):
            self.request = FinishRequest(by="ada", at=AT, candidates=tuple(self.measured))

    def asked(self) -> FinishRequest | None:
        return self.request

    @property
    def measured(self) -> list[int]:
        return [int(str(event.fields["k"])) for event in self.events if event.kind == "candidate"]


def in_the_third_candidate(event: Event, measured: list[int]) -> bool:
    return event.kind == "epoch" and len(measured) == 2


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> tuple[Tailored, Somebody]:
    somebody = Somebody(in_the_third_candidate)
    return tailored(tmp_path_factory.mktemp("ended"), somebody.report, CONFIG, finish=somebody.asked), somebody


def test_what_was_measured_is_chosen_from_and_the_unfinished_run_given_up(ended: tuple[Tailored, Somebody]) -> None:
    result, somebody = ended
    assert [row["k"] for row in result.pareto_front] == somebody.measured == [0, 1]
    last = [event for event in somebody.events if event.kind == "epoch"][-1].fields
    assert (last["epoch"], last["epochs"]) == (1, 2)
    skipped = int(str(last["run"]).partition("-")[2])
    assert result.finished_early == {"by": "ada", "at": AT, "candidates": [0, 1], "skipped": skipped}
    manifest = decode(result.bundle).manifest
    assert manifest.recipe["finished_early"] is True
    assert manifest.metrics.student.test is not None
    assert [event.stage for event in somebody.events if event.kind == "stage"][-1] == "select"


@pytest.mark.parametrize("stage", ["retrain", pytest.param("select", marks=pytest.mark.nightly)])
def test_killed_after_the_request_it_ends_with_the_same_bundle(
    tmp_path: Path, ended: tuple[Tailored, Somebody], stage: str
) -> None:
    """In the very epoch, before the process heard of the request; or when it has chosen."""
    somebody = Somebody(in_the_third_candidate)

    def die(event: Event) -> None:
        somebody.report(event)
        if somebody.request is not None and event.stage == stage:
            raise Broken

    with pytest.raises(Broken):
        tailored(tmp_path, die, CONFIG, finish=somebody.asked)
    again = tailored(tmp_path, config=CONFIG, finish=somebody.asked)
    assert [point.bundle for point in again.points] == [point.bundle for point in ended[0].points]
    assert again.bundle == ended[0].bundle
    assert again.finished_early == ended[0].finished_early


@pytest.mark.nightly
def test_all_folds_of_an_unfinished_candidate_are_given_up(tmp_path: Path) -> None:
    def in_its_second_fold(event: Event, measured: list[int]) -> bool:
        if event.kind == "epoch" and len(measured) == 2:
            epochs.append(event)
        return len(epochs) == 3

    epochs: list[Event] = []
    config = tiniest_config(folds=2)
    somebody = Somebody(in_its_second_fold)
    first = tailored(tmp_path / "whole", somebody.report, config, somebody.asked)
    assert [row["k"] for row in first.pareto_front] == somebody.measured == [0, 1]
    assert len(epochs) == 3

    def die(event: Event) -> None:
        if event.kind == "stage" and event.stage == "select":
            raise Broken

    with pytest.raises(Broken):
        tailored(tmp_path / "broken", die, config, somebody.asked)
    assert tailored(tmp_path / "broken", config=config, finish=somebody.asked).bundle == first.bundle


def test_a_candidate_that_was_measured_while_somebody_asked_is_not_chosen_from(
    tmp_path: Path, ended: tuple[Tailored, Somebody]
) -> None:
    somebody = Somebody(lambda event, measured: len(measured) == 3)

    def asked() -> FinishRequest | None:
        return FinishRequest(by="ada", at=AT, candidates=(0, 1)) if somebody.request else None

    late = tailored(tmp_path, somebody.report, CONFIG, finish=asked)
    assert (late.bundle, late.finished_early) == (ended[0].bundle, ended[0].finished_early)


def test_before_any_candidate_the_student_itself_is_published(tmp_path: Path) -> None:
    somebody = Somebody(lambda event, measured: event.kind == "epoch" and event.stage == "retrain")
    result = tailored(tmp_path, somebody.report, CONFIG, finish=somebody.asked)
    (point,) = result.points
    assert (point.blocks_removed, all(point.manifest.plan.blocks)) == (0, True)
    assert result.finished_early is not None
    assert result.finished_early["candidates"] == [0]


def test_a_polished_network_counts_from_when_it_was_measured(tmp_path: Path) -> None:
    """Before that, the same network as it was after its recovery is what there is."""
    measured = {"before": 2, "after": 3}
    found = [candidate(6, polished=False), candidate(7, polished=False), candidate(6, polished=True)]
    polished = {}
    for when, count in measured.items():
        finish = EarlyFinish(request(*range(count)), DecisionLog(tmp_path / when))
        polished[when] = [c.polished for c in latest(finish.chosen_from(found)) if c.blocks_removed == 6]
    assert polished == {"before": [False], "after": [True]}


def candidate(blocks: int, *, polished: bool = False) -> Candidate[None]:
    return Candidate(blocks_removed=blocks, accuracy=0.9, cost=0.5, good=True, model=None, polished=polished)


def search(finish: EarlyFinish, *blocks: int) -> list[int]:
    """The candidates of a search that would try so many blocks removed in turn, each for one epoch."""
    found: list[Candidate[None]] = []
    try:
        for k in blocks:
            finish.begin(k)
            finish.check()
            finish.measured()
            found.append(candidate(k))
    except OutOfTime:
        pass
    return [c.blocks_removed for c in finish.chosen_from(found)]


def request(*blocks: int) -> Callable[[], FinishRequest]:
    return lambda: FinishRequest(by="ada", at=AT, candidates=blocks)


def test_nobody_asks(tmp_path: Path) -> None:
    finish = EarlyFinish(never, DecisionLog(tmp_path / "log"))
    assert search(finish, 6, 9, 7) == [6, 9, 7]
    assert finish.report() is None


def test_a_search_that_has_come_to_its_end_was_not_ended_early(tmp_path: Path) -> None:
    finish = EarlyFinish(request(6, 9, 7), DecisionLog(tmp_path / "log"))
    assert search(finish, 6, 9, 7) == [6, 9, 7]
    assert (finish.happened, finish.report()) == (False, None)


def test_a_request_that_was_heard_of_once_counts_for_ever(tmp_path: Path) -> None:
    log = tmp_path / "log"
    first = EarlyFinish(request(6), DecisionLog(log))
    assert search(first, 6, 9) == [6]
    again = EarlyFinish(request(6, 9), DecisionLog(log))
    assert search(again, 6, 9) == [6]
    assert again.report() == first.report()


def test_before_anything_was_measured_it_ends_with_the_first(tmp_path: Path) -> None:
    finish = EarlyFinish(request(), DecisionLog(tmp_path / "log"))
    finish.check()  # after an epoch of the teacher
    assert search(finish, 6, 9) == [6]


@pytest.mark.nightly  # imports torch three times; by day training/test_distributed has a group
def test_the_processes_of_a_group_end_at_the_same_point(tmp_path: Path) -> None:
    """Only the first of them hears of the request."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command += ["-m", "tests.trainer.recipe.timing.early_finish_member", str(tmp_path)]
    done = subprocess.run(command, env=os.environ, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    reports: list[Mapping[str, object]] = [json.loads((tmp_path / f"{rank}.json").read_text()) for rank in range(2)]
    assert reports[0] == reports[1] == {"by": "ada", "at": AT, "candidates": [6], "skipped": 9}
