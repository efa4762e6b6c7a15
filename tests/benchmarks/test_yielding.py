"""What `benchmarks.yielding` measures, for a moment."""

import argparse

from benchmarks.yielding import figures, measured, table


def test_every_side_has_a_rate_a_round() -> None:
    args = argparse.Namespace(backbone="mini26", side=16, threads=1, rounds=1, seconds=0.01)
    rates = measured(args)
    assert all(len(own) == 1 and own[0] > 0 for own in rates.values())
    assert len(figures(rates)["steps_a_second"]) == 4
    assert table(rates).row_count == 2
