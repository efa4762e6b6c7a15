"""What the soak says of a process's memory."""

import random

from benchmarks.soak.memory import MIB, by_minute, drift, slope

HOUR = range(0, 3600, 2)


def sized(mib: dict[int, float], *, leak: float = 0.0) -> list[tuple[float, int]]:
    """An hour of samples: 400 MiB and a little noise, a step of so many MiB at some seconds, a leak in MiB an hour."""
    noise = random.Random(0)
    return [
        (
            float(second),
            int(
                (
                    400
                    + noise.gauss(0, 0.01)
                    + leak * second / 3600
                    + sum(size for at, size in mib.items() if at <= second)
                )
                * MIB
            ),
        )
        for second in HOUR
    ]


def test_a_leak_is_found_by_both() -> None:
    for judge in (slope, drift):
        found = judge(sized({}, leak=3.0))
        assert found is not None
        assert 0 < found.low < 3.0 < found.high
        assert found.high < 3.2


def test_one_step_is_no_drift_though_a_line_thinks_so() -> None:
    samples = sized({1800: 0.3})
    line, steps = slope(samples), drift(samples)
    assert line is not None
    assert steps is not None
    assert line.low > 0
    assert steps.low < 0 < steps.high
    assert abs(steps.mib_per_hour - 0.3) < 0.05


def test_steps_that_go_on_are() -> None:
    steps = drift(sized(dict.fromkeys(range(100, 3600, 200), 0.3)))
    assert steps is not None
    assert steps.low > 0


def test_too_little_to_say() -> None:
    assert (slope([(0.0, 1)]), drift([(0.0, 1)])) == (None, None)


def test_means_of_minutes() -> None:
    assert by_minute([(0.0, MIB), (59.0, 3 * MIB), (60.0, 5 * MIB)]) == [2.0, 5.0]
