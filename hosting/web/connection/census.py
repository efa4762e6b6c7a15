"""How many connections are open, in all and by address."""

from collections import Counter

from hosting.web.connection import refusal
from hosting.web.connection.limits import Limits
from hosting.web.connection.refusal import Refusal


class Census:
    """Counts the connections of one server. Only its event loop's thread calls it."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._by_home: Counter[str] = Counter()
        self._total = 0
        self.being_refused = 0  # connections beyond the limits that are still open; their protocols count themselves

    def enter(self, home: str) -> Refusal | None:
        """Count one more connection, or return why it has to be refused; then it is not counted."""
        limits = self._limits
        if self._total >= limits.connections:
            return refusal.full(limits.connections)
        if limits.connections_per_address and self._by_home[home] >= limits.connections_per_address:
            return refusal.full_for_address(limits.connections_per_address)
        self._total += 1
        self._by_home[home] += 1
        return None

    def leave(self, home: str) -> None:
        """A connection that was counted is closed."""
        self._total -= 1
        self._by_home[home] -= 1
        if not self._by_home[home]:
            del self._by_home[home]
