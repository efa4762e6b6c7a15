"""What `benchmarks.yielding` makes of what it measures; for a moment, too, at night."""

import argparse

import pytest

from benchmarks.yielding import Side, figures, measured, table

_OWN, _JOB = "OpenMP's own", "a job's"
_RATES: dict[Side, list[float]] = {
    (_OWN, "alone"): [4.0, 5.0, 4.0],
    (_JOB, "alone"): [4.0, 4.0, 4.0],
    (_OWN, "beside a busy process"): [0.5, 0.25, 0.5],
    (_JOB, "beside a busy process"): [2.0, 2.0, 3.0],
}


def test_sides_are_compared_round_by_round() -> None:
    found = figures(_RATES)
    assert (found["job_vs_own_alone"], found["job_vs_own_beside"]) == (1.0, 6.0)
    assert found["steps_a_second"]["OpenMP's own, beside a busy process"] == 0.5
    assert table(_RATES).row_count == 2


@pytest.mark.nightly
def test_every_side_has_a_rate_a_round() -> None:
    """Niced processes beside a busy one: on a machine with other work minutes."""
    args = argparse.Namespace(backbone="mini26", side=16, threads=1, rounds=1, seconds=0.01)
    assert {side: len(rates) for side, rates in measured(args).items()} == dict.fromkeys(_RATES, 1)
