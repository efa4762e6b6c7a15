"""Every operation of the registry is a span of a trace, and is reported to a callback that counts and times it."""

import time
from collections.abc import Callable
from functools import wraps
from typing import Concatenate, Literal, ParamSpec, Protocol, TypeVar

from hosting.telemetry import tracing
from registry.errors import RegistryError

Outcome = Literal["ok", "refused", "failed"]
Observe = Callable[[str, Outcome, float], None]  # operation, outcome, seconds


class Observable(Protocol):
    observe: Observe


P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S", bound=Observable)


def unobserved(operation: str, outcome: Outcome, seconds: float) -> None:
    """Counts nothing."""


def observed(method: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
    """Report every call under the method's name. A call that raises a `RegistryError` was refused, not failed."""

    @wraps(method)
    def call(self: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
        start = time.perf_counter()
        outcome: Outcome = "failed"
        try:
            with tracing.span(f"registry.{method.__name__}"):
                result = method(self, *args, **kwargs)
            outcome = "ok"
            return result
        except RegistryError:
            outcome = "refused"
            raise
        finally:
            self.observe(method.__name__, outcome, time.perf_counter() - start)

    return call
