"""Intervals of accuracies and of their differences, against slow and obvious forms."""

import numpy as np
import pytest

from registry.versions.evaluation import Right
from registry.versions.paired_bootstrap import accuracy_interval, paired_difference


def _answers(both: int, first: int, other: int, neither: int) -> tuple[Right, Right]:
    """Answers of two networks, by how many images both, only the first, only the other and neither answer right."""
    counts = [both, first, other, neither]
    order = np.random.default_rng(1).permutation(sum(counts))
    return (
        np.repeat([True, True, False, False], counts)[order],
        np.repeat([True, False, True, False], counts)[order],
    )


def _slow(first: Right, other: Right) -> tuple[float, float]:
    """Image by image: what the differences on many draws of as many images are, the middle 95% of them."""
    rng = np.random.default_rng(2)
    found = []
    for _ in range(4000):
        drawn = rng.integers(len(first), size=len(first))
        found.append(other[drawn].mean() - first[drawn].mean())
    low, high = np.quantile(found, [0.025, 0.975])
    return float(low), float(high)


@pytest.mark.parametrize("counts", [(150, 10, 20, 20), (30, 3, 0, 7), (0, 5, 5, 0), (80, 1, 2, 317), (0, 20, 20, 40)])
def test_the_interval_is_that_of_drawing_image_by_image(counts: tuple[int, int, int, int]) -> None:
    first, other = _answers(*counts)
    found, images = paired_difference(first, other), sum(counts)
    assert (found.lost, found.gained) == counts[1:3]
    assert found.accuracy == pytest.approx(other.mean() - first.mean())
    # Two runs of a bootstrap differ by chance: by about a fiftieth of the width, and by one image where there are few.
    slack = 1.01 / images + 0.03 * (found.interval.high - found.interval.low)
    assert (found.interval.low, found.interval.high) == pytest.approx(_slow(first, other), abs=slack)


def test_pairing_tells_what_each_accuracy_alone_does_not() -> None:
    """Two networks that err on nearly the same images differ for sure, although their own intervals overlap widely."""
    first, other = _answers(700, 0, 20, 280)
    assert paired_difference(first, other).interval.low > 0
    assert accuracy_interval(first).high > accuracy_interval(other).low


def test_the_same_question_has_the_same_answer() -> None:
    first, other = _answers(50, 4, 6, 20)
    assert paired_difference(first, other) == paired_difference(first, other)
    there, back = paired_difference(first, other), paired_difference(other, first)
    assert (there.accuracy, there.gained, there.lost) == (-back.accuracy, back.lost, back.gained)


def test_equal_answers_do_not_differ() -> None:
    first, _ = _answers(50, 4, 6, 20)
    same = paired_difference(first, first)
    assert (same.accuracy, same.interval.low, same.interval.high, same.gained, same.lost) == (0, 0, 0, 0, 0)


@pytest.mark.parametrize(("right", "images"), [(0, 1), (1, 1), (12, 12), (0, 40), (18, 20), (450, 500)])
def test_an_accuracy_lies_within_its_interval_whose_ends_are_only_just_likely(right: int, images: int) -> None:
    """Wilson's interval: of the true shares from which this one is at most 1.96 standard deviations away."""
    answers = np.arange(images) < right
    interval, share = accuracy_interval(answers), right / images
    assert 0 <= interval.low <= share <= interval.high <= 1
    assert interval.low < interval.high
    for end in (interval.low, interval.high):
        if end not in (0, 1):
            deviation = np.sqrt(end * (1 - end) / images)
            assert abs(share - end) / deviation == pytest.approx(1.96, abs=0.001)
