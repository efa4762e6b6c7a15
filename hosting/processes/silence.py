"""Who has fallen silent: what has stayed as it was for longer than one has patience with it.

Nobody's clock is compared with another's. What others write (the time of their latest heartbeat) is only looked at for
whether it changed, and the time without a change is counted by whoever looks, while it looks: neither a clock that is
set nor a machine that sleeps makes anybody silent.
"""

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass


@dataclass(kw_only=True)
class _Watched:
    token: object
    looked_at: float
    silent_s: float = 0.0


class Silence:
    """Remembers what it has seen of each name. It takes so many `looks` at the least: of the time between two of them,
    no more counts than that share of the patience. `clock` counts seconds."""

    def __init__(self, *, patience_s: float, looks: int = 6, clock: Callable[[], float] = time.monotonic) -> None:
        self._patience_s = patience_s
        self._longest_step_s = patience_s / looks
        self._clock = clock
        self._watched: dict[str, _Watched] = {}

    def is_broken_off(self, name: str, token: object) -> bool:
        """Whether `name` has had this same token in all looks for longer than the patience."""
        present = self._clock()
        watched = self._watched.get(name)
        if watched is None or watched.token != token:
            watched = self._watched[name] = _Watched(token=token, looked_at=present)
        watched.silent_s += min(present - watched.looked_at, self._longest_step_s)
        watched.looked_at = present
        return watched.silent_s >= self._patience_s

    def keep_only(self, names: Collection[str]) -> None:
        """Forget all others: who comes back is seen for the first time."""
        self._watched = {name: watched for name, watched in self._watched.items() if name in names}
