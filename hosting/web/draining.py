"""A server as a process: how it takes its leave."""

import time
from typing import Protocol

import uvicorn


class Drainable(Protocol):
    @property
    def under_way(self) -> int:
        """Predictions that were accepted and are not answered yet."""

    def drain(self) -> None:
        """Accept no more of them."""


class DrainingServer(uvicorn.Server):
    """Told to stop, it goes in this order: refuse what is new (503, `readyz` too) -> answer what was accepted -> close.

    It keeps listening until the last answer, so that a load balancer sees why it should look elsewhere; but no longer
    than `patience_s`, and not after a second Ctrl-C.
    """

    def __init__(self, config: uvicorn.Config, service: Drainable, *, patience_s: float) -> None:
        super().__init__(config)
        self._service = service
        self._patience_s = patience_s
        self._leaves_at: float | None = None

    async def on_tick(self, counter: int) -> bool:
        """Whether to close; uvicorn asks ten times a second."""
        if not await super().on_tick(counter):
            return False
        if self._leaves_at is None:
            self._service.drain()
            self._leaves_at = time.monotonic() + self._patience_s
        return self.force_exit or not self._service.under_way or time.monotonic() >= self._leaves_at
