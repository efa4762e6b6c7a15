"""A server as a process: how it takes its leave."""

import time
from typing import Protocol

import uvicorn

_SLACK_S = 1.0  # between a deadline and the answer that says so


class Drainable(Protocol):
    @property
    def under_way(self) -> int:
        """Predictions that were accepted and are not answered yet."""

    @property
    def answered_by(self) -> float:
        """When the last of them is answered, in one way or another, on the monotonic clock."""

    def drain(self) -> None:
        """Accept no more of them."""


class DrainingServer(uvicorn.Server):
    """Told to stop, it goes in this order: refuse what is new (503, `readyz` too) -> answer what was accepted -> close.

    It keeps listening until the last answer, so that a load balancer sees why it should look elsewhere; but no longer
    than what was accepted has time to be answered, and not after a second Ctrl-C.
    """

    def __init__(self, config: uvicorn.Config, service: Drainable) -> None:
        super().__init__(config)
        self._service = service
        self._drains = False

    async def on_tick(self, counter: int) -> bool:
        """Whether to close; uvicorn asks ten times a second."""
        if not await super().on_tick(counter):
            return False
        if not self._drains:
            self._service.drain()
            self._drains = True
        late = time.monotonic() >= self._service.answered_by + _SLACK_S
        return self.force_exit or not self._service.under_way or late
