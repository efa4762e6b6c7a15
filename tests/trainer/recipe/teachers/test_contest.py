"""Who wins, and that the winner's accuracy is not flattered."""

import numpy as np
import pytest

from trainer.recipe.paired import Right
from trainer.recipe.teachers.contest import Contest


def answers(*shares: float, images: int = 400) -> Right:
    """Networks that are right on the first so many of the images."""
    return np.stack([np.arange(images) < round(share * images) for share in shares])


@pytest.mark.parametrize(
    ("shares", "margins", "winner"),
    [
        ((0.8, 0.8), (0, 0), 0),  # a tie goes to the first
        ((0.8, 0.7925), (0, 0), 0),
        ((0.8, 0.8025), (0, 0.5), 1),  # one image more: a whole standard error
        ((0.8, 0.8025), (0, 1.645), 0),
        ((0.8, 0.81), (0, 1.645), 1),
        ((0.8, 0.81, 0.805), (0, 0.5, 0.5), 1),
        ((0.8, 0.8025, 0.81), (0, 1.645, 1.645), 2),  # against the best so far, not against the one before
    ],
)
def test_a_network_takes_the_place_that_it_wins_by_its_margin(
    shares: tuple[float, ...], margins: tuple[float, ...], winner: int
) -> None:
    assert Contest(right=answers(*shares), margins=margins).winner() == winner


def test_more_answers_that_differ_make_a_difference_less_certain() -> None:
    generator = np.random.default_rng(0)
    one = answers(0.8)[0]
    close, far = one.copy(), generator.permutation(one)
    close[np.flatnonzero(~one)[:8]] = True
    far[np.flatnonzero(~far)[:8]] = True
    assert close.sum() == far.sum()
    assert Contest(right=np.stack([one, close]), margins=[0, 1.645]).winner() == 1
    assert Contest(right=np.stack([one, far]), margins=[0, 1.645]).winner() == 0


def test_the_luckiest_of_equals_is_not_flattered() -> None:
    """Twenty networks are right 70 times in 100. The best of them looks better than that; the estimate does not."""
    generator = np.random.default_rng(0)
    plain, estimated, errors = [], [], []
    for seed in range(40):
        contest = Contest(right=generator.random((20, 100)) < 0.7, margins=[0.0] * 20)
        plain.append(contest.right[contest.winner()].mean())
        estimate = contest.estimate(seed=seed)
        estimated.append(estimate.accuracy)
        errors.append(estimate.error)
    assert np.mean(plain) > 0.76
    assert np.mean(estimated) == pytest.approx(0.7, abs=0.015)
    assert 0.01 < np.mean(errors) < np.sqrt(0.7 * 0.3 / 100)  # a mean over equals varies less


def test_without_a_choice_the_estimate_is_the_plain_accuracy_and_its_error() -> None:
    estimate = Contest(right=answers(0.8), margins=[0]).estimate(seed=0)
    assert estimate.accuracy == pytest.approx(0.8)
    assert estimate.error == pytest.approx(np.sqrt(0.8 * 0.2 / 400))


def test_the_same_seed_gives_the_same_estimate() -> None:
    right = np.random.default_rng(0).random((3, 50)) < 0.7
    estimates = [Contest(right=right, margins=[0, 0, 0]).estimate(seed=seed) for seed in (1, 1, 2)]
    assert estimates[0] == estimates[1] != estimates[2]


def test_a_single_image_is_no_evidence() -> None:
    estimate = Contest(right=np.ones((2, 1), dtype=bool), margins=[0, 0]).estimate(seed=0)
    assert (estimate.accuracy, estimate.error) == (0.5, 0.5)
