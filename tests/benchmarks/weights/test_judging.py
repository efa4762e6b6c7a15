"""That the judge of `benchmarks.weights` sees what is wrong."""

from dataclasses import replace
from pathlib import Path

from benchmarks.weights.__main__ import GOAL, cases, figures
from benchmarks.weights.architectures import OFFERS, Offer
from benchmarks.weights.judging import Judgement, judge_offer, judge_wrapping
from benchmarks.weights.networks import BACKBONES, state_of
from benchmarks.weights.wrappings import WRAPPINGS

PLAIN = WRAPPINGS[0]
SMALLER = Offer(
    name="resnet18", backbone="resnet34", make=lambda: state_of("resnet18", 0), reason="looks like resnet18"
)


def test_what_is_read_exactly_is_exact(tmp_path: Path) -> None:
    assert judge_wrapping(PLAIN, "resnet18", tmp_path) == Judgement(verdict="exact")


def test_the_features_of_the_other_network_are_silently_wrong(tmp_path: Path) -> None:
    swapped = replace(PLAIN, make=lambda _state, other: dict(other))
    assert judge_wrapping(swapped, "resnet18", tmp_path) == Judgement(verdict="silently_wrong", why="other features")


def test_a_wrapping_that_is_not_read_is_neither_exact_nor_wrong(tmp_path: Path) -> None:
    unknown = replace(PLAIN, make=lambda state, _other: {"generator": state})
    assert judge_wrapping(unknown, "resnet18", tmp_path).verdict == "refused_with_reason"


def test_a_refusal_has_to_say_why(tmp_path: Path) -> None:
    assert judge_offer(SMALLER, tmp_path).verdict == "refused_with_reason"
    assert judge_offer(replace(SMALLER, reason="looks like resnet50"), tmp_path).verdict == "silently_wrong"


def test_a_file_of_another_network_that_is_read_is_silently_wrong(tmp_path: Path) -> None:
    found = judge_offer(replace(SMALLER, backbone="resnet18"), tmp_path)
    assert found == Judgement(verdict="silently_wrong", why="read as resnet18")


def test_the_files_are_many_of_different_names() -> None:
    names = [name for name, _judge in cases([])]
    assert len(set(names)) == len(names) == len(WRAPPINGS) * len(BACKBONES) + len(OFFERS)
    assert len(WRAPPINGS) * len(BACKBONES) >= GOAL
    assert [name for name, _judge in cases(["SimSiam"])] == [f"SimSiam / {backbone}" for backbone in BACKBONES]


def test_the_figures_are_counts_and_a_verdict_a_file() -> None:
    found = {"one": Judgement(verdict="exact"), "two": Judgement(verdict="silently_wrong", why="other features")}
    counts = {"exact": 1, "refused_with_reason": 0, "silently_wrong": 1}
    assert figures(found) == {**counts, "files": {"one": "exact", "two": "silently_wrong"}}
