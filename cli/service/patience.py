"""How long to go on asking a service that does not answer: one that restarts is back within seconds or minutes."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

COMING_BACK = frozenset({502, 503, 504})  # what a proxy, or a service without its Redis, answers meanwhile
_FIRST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 10.0


@dataclass(frozen=True, kw_only=True)
class Patience:
    """`pause` waits for so many seconds."""

    seconds: float = 600.0
    pause: Callable[[float], None] = time.sleep

    def begin(self) -> "Tries":
        return Tries(patience=self)


@dataclass(kw_only=True)
class Tries:
    """Attempts at one thing, with growing pauses between them."""

    patience: Patience
    _waited_s: float = field(default=0.0, init=False)
    _next_s: float = field(default=_FIRST_PAUSE_S, init=False)

    def again(self) -> bool:
        """Wait before the next attempt; False, at once, if the patience is used up."""
        if self._waited_s + self._next_s > self.patience.seconds:
            return False
        self.patience.pause(self._next_s)
        self._waited_s += self._next_s
        self._next_s = min(2 * self._next_s, _LONGEST_PAUSE_S)
        return True

    def succeeded(self) -> None:
        """What fails from now on is another failure."""
        self._waited_s, self._next_s = 0.0, _FIRST_PAUSE_S
