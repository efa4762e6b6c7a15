"""How many connections are open, in all and by address."""

from collections import Counter
from typing import Protocol

from hosting.web.connection import refusal
from hosting.web.connection.limits import Limits
from hosting.web.connection.refusal import Refusal


class Addresses(Protocol):
    """The connections of each address, of this server or of several."""

    def add(self, home: str) -> int:
        """Count one more; how many there are with it."""

    def remove(self, home: str) -> None: ...


class OwnAddresses:
    """Those of one server."""

    def __init__(self) -> None:
        self._by_home: Counter[str] = Counter()

    def add(self, home: str) -> int:
        self._by_home[home] += 1
        return self._by_home[home]

    def remove(self, home: str) -> None:
        self._by_home[home] -= 1
        if not self._by_home[home]:
            del self._by_home[home]


class Census:
    """Counts the connections of one server. Only its event loop's thread calls it."""

    def __init__(self, limits: Limits, addresses: Addresses | None = None) -> None:
        self._limits = limits
        self._addresses = addresses or OwnAddresses()
        self._total = 0
        self.being_refused = 0  # connections beyond the limits that are still open; their protocols count themselves

    def enter(self, home: str) -> Refusal | None:
        """Count one more connection, or return why it has to be refused; then it is not counted."""
        limits = self._limits
        if self._total >= limits.connections:
            return refusal.full(limits.connections)
        if limits.connections_per_address and self._addresses.add(home) > limits.connections_per_address:
            self._addresses.remove(home)
            return refusal.full_for_address(limits.connections_per_address)
        self._total += 1
        return None

    def leave(self, home: str) -> None:
        """A connection that was counted is closed."""
        self._total -= 1
        if self._limits.connections_per_address:
            self._addresses.remove(home)
