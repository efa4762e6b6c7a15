import random

import pytest

from benchmarks.measuring.ratios import over_rounds, paired_ratio


def test_the_ratio_is_taken_round_by_round() -> None:
    ratio = paired_ratio([2.0, 40.0, 9.0], [1.0, 10.0, 3.0])
    assert (ratio.median, ratio.low, ratio.high, ratio.rounds) == (3.0, 2.0, 4.0, 3)


@pytest.mark.parametrize(("rounds", "dropped"), [(5, 0), (6, 0), (8, 0), (9, 1), (12, 2), (20, 5)])
def test_the_interval_drops_as_many_values_at_each_end_as_the_table_of_the_sign_test(rounds: int, dropped: int) -> None:
    ratio = over_rounds([float(value) for value in range(rounds)])
    assert (ratio.low, ratio.high) == (dropped, rounds - 1 - dropped)


def test_the_interval_holds_the_median_as_often_as_it_says() -> None:
    generator = random.Random(0)
    held = 0
    for _ in range(2000):
        ratio = over_rounds([generator.expovariate(1.0) for _ in range(9)])
        held += ratio.low <= 0.6931471805599453 <= ratio.high
    assert held >= 0.95 * 2000


def test_sides_of_different_length_are_refused() -> None:
    with pytest.raises(ValueError, match="shorter"):
        paired_ratio([1.0, 2.0], [1.0])
