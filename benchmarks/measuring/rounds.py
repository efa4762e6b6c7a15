"""Paired rounds: every side once a round, in an order that rotates, so that what drifts hits all alike."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

Values = dict[str, list[float]]  # by side, one value a round

K = TypeVar("K")
V = TypeVar("V")


def paired_rounds(sides: Mapping[K, Callable[[], V]], rounds: int, *, warm_up: bool = True) -> dict[K, list[V]]:
    """What each side measures of itself; one round before the first warms everything up."""
    names = list(sides)
    values: dict[K, list[V]] = {name: [] for name in names}
    for index in range(-1 if warm_up else 0, rounds):
        for name in names[index % len(names) :] + names[: index % len(names)]:
            value = sides[name]()
            if index >= 0:
                values[name].append(value)
    return values


def rate(run: Callable[[], object], images: int, seconds: float) -> float:
    """Images a second over at least `seconds`."""
    done, start = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - start) < seconds:
        run()
        done += images
    return done / elapsed


def seconds_each(runs: Sequence[Callable[[], object]], repeats: int) -> float:
    """Seconds of one run, when all are run in turn `repeats` times."""
    start = time.perf_counter()
    for _ in range(repeats):
        for run in runs:
            run()
    return (time.perf_counter() - start) / (repeats * len(runs))
