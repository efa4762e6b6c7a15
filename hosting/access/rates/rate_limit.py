"""Rate limits: how many requests a second one caller may make, by key, or by address where there are no keys.

Within the authorization, so that a caller is known by its key; not there at all where no limit is set. Predictions and
all else are limited apart, by the same figures: whoever predicts at the limit can still look. Open routes are free.
"""

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Protocol

from fastapi import Request
from prometheus_client import CollectorRegistry, Counter
from starlette.types import ASGIApp, Receive, Scope, Send

from hosting.access.caller import caller
from hosting.access.route_table import route_match
from hosting.errors import RateExceeded
from hosting.web.connection.address import home_of
from hosting.web.problem import ProblemTable
from hosting.web.problems import answer

_CALLERS = 10_000  # that are remembered; who was seen longest ago is forgotten first, and begins anew
REASON = "rate"  # of `nettailor_rejected_total`
_PROBLEMS: ProblemTable = {RateExceeded: (429, "rate limit exceeded")}


class TokenBuckets(Protocol):
    def take(self, who: Hashable) -> None:
        """A token of `who`. Raises `RateExceeded`, which takes none."""


class Buckets:
    """Token buckets, one a caller: `burst` tokens at most, `per_second` new ones. Thread-safe, bounded memory.

    A bucket is kept as the moment at which it will be full again (GCRA), on a monotonic clock.
    """

    def __init__(
        self, *, per_second: float, burst: int, callers: int = _CALLERS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.per_second = per_second
        self._step_s = 1 / per_second  # that a token takes to grow
        self._depth_s = burst / per_second
        self._callers = callers
        self._clock = clock
        self._full_at: OrderedDict[Hashable, float] = OrderedDict()  # who was seen longest ago comes first
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._full_at)

    def take(self, who: Hashable) -> None:
        """A token of `who`. Raises `RateExceeded`, which takes none."""
        with self._lock:
            now = self._clock()
            full_at = max(now, self._full_at.get(who, now)) + self._step_s
            wait_s = full_at - now - self._depth_s
            if wait_s > self._step_s * 1e-6:  # less is rounding
                self._full_at.move_to_end(who)
                raise RateExceeded(self.per_second, retry_after_seconds=max(1, math.ceil(wait_s)))
            self._full_at[who] = full_at
            self._full_at.move_to_end(who)
            if len(self._full_at) > self._callers:
                self._full_at.popitem(last=False)


class RateLimit:
    """Pure ASGI. `refused` is called for each request that is turned away."""

    def __init__(self, app: ASGIApp, buckets: TokenBuckets, *, by_key: bool, refused: Callable[[], None]) -> None:
        self._app = app
        self._buckets = buckets
        self._by_key = by_key
        self._refused = refused

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (match := route_match(scope)).scope is not None:
            address = home_of(str((scope.get("client") or ("",))[0]))
            who = (caller.get() if self._by_key else None) or address  # guests show no key
            try:
                self._buckets.take((match.is_prediction, who))
            except RateExceeded as failure:
                self._refused()
                await answer(Request(scope), failure, _PROBLEMS)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def refusals(metrics: CollectorRegistry) -> Callable[[], None]:
    """A counter for services that refuse for no other reason; the server counts among its other refusals."""
    refused = Counter("nettailor_rejected", "Requests refused before they ran.", ["reason"], registry=metrics)
    return refused.labels(REASON).inc
