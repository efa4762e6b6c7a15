"""How long to go on asking a service that is away or overloaded: one that restarts is back within seconds or
minutes."""

import random
from dataclasses import dataclass, field

_FIRST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 10.0
_LEAST_SHARE = 0.75  # of a pause: clients that were cut off together must not come back together


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How many seconds may be waited in all, between the attempts at one thing: `seconds`, or `long_seconds` where the
    service is away, for an upload and for what is followed until it ends, which nobody wants to begin anew."""

    seconds: float = 30.0
    long_seconds: float = 600.0


IMPATIENT = Patience(seconds=0.0, long_seconds=0.0)


@dataclass(kw_only=True)
class Tries:
    """Attempts at one thing, with growing pauses between them, or with those that the service asks for."""

    _waited_s: float = field(default=0.0, init=False)
    _next_s: float = field(default=_FIRST_PAUSE_S, init=False)

    def pause_s(self, *, patience_s: float, retry_after_s: float | None) -> float | None:
        """How long to wait before the next attempt; None if that would be more than `patience_s` in all."""
        pause_s = self._next_s * random.uniform(_LEAST_SHARE, 1.0)
        pause_s = max(pause_s, retry_after_s or 0.0)
        if self._waited_s + pause_s > patience_s:
            return None
        self._waited_s += pause_s
        self._next_s = min(2 * self._next_s, _LONGEST_PAUSE_S)
        return pause_s

    def succeeded(self) -> None:
        """What fails from now on is another failure."""
        self._waited_s, self._next_s = 0.0, _FIRST_PAUSE_S
