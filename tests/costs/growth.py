"""How the work of a function grows with its input."""

import gc
import time
from collections.abc import Callable

TIMES_AS_LONG = 16
_LINEAR_ENOUGH = 64  # times the work for 16 times the input: a quadratic one takes 256 times
_ROUNDS = 3
_TRIES = 3

Work = Callable[[], object]


def growth(make: Callable[[int], Work], size: int) -> float:
    """How many times the CPU time an input of 16 times the size takes. The inputs are made beforehand. A result that
    is not linear is measured anew: a busy machine can make it larger, nothing makes it smaller."""
    small, large = make(size), make(TIMES_AS_LONG * size)
    grown = float("inf")
    for _ in range(_TRIES):
        grown = min(grown, _seconds(large) / _seconds(small))
        if grown < _LINEAR_ENOUGH:
            break
    return grown


def is_linear(grown: float) -> bool:
    return grown < _LINEAR_ENOUGH


def _seconds(work: Work) -> float:
    return min(_once(work) for _ in range(_ROUNDS))


def _once(work: Work) -> float:
    gc.disable()  # a collection costs what other tests left behind
    try:
        began = time.thread_time()
        work()
        return max(time.thread_time() - began, 1e-6)
    finally:
        gc.enable()
