"""How fast a peer has to be."""

from dataclasses import dataclass
from typing import Any


@dataclass(kw_only=True, slots=True)
class Pace:
    """Watches one thing that a peer has to do. It is looked at now and then, and takes no note of time in between, so
    what is done between two looks costs nothing."""

    _what: Any = None
    _since: float = 0.0
    _moved: float = 0.0

    def is_too_slow(self, now: float, what: Any, moved: float, *, seconds: float, at_least: float) -> bool:
        """Whether the peer moved less than `at_least` bytes in the last `seconds`.

        `what` is what it has to do: anything else than at the last look begins anew. `moved` counts bytes and only
        grows.
        """
        if what != self._what:
            self._what, self._since, self._moved = what, now, moved
            return False
        if now - self._since < seconds:
            return False
        slow = moved - self._moved < at_least
        self._since, self._moved = now, moved
        return slow
