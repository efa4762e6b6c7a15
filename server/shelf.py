"""A shelf: values under a budget of measured bytes, emptied by weighted LRU (torch-free; not thread-safe)."""

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(kw_only=True, eq=False)
class _Place(Generic[V]):
    value: V
    size_bytes: int
    weight: float
    credit: float = 0.0
    tick: int = 0


class Shelf(Generic[K, V]):
    """Weighted LRU as GreedyDual (Young 1994): a touch sets a value's credit to floor + weight, the one with the
    least credit goes first and raises the floor to its own. With equal weights this is plain LRU; a value of weight w
    outlives its last touch by w rounds of evictions.
    """

    def __init__(self, budget_bytes: int) -> None:
        self.budget_bytes = budget_bytes
        self.size_bytes = 0
        self._places: dict[K, _Place[V]] = {}
        self._floor = 0.0
        self._ticks = 0

    def __contains__(self, key: K) -> bool:
        return key in self._places

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[K]:
        return iter(self._places)

    def size_of(self, key: K) -> int:
        """Measured bytes of a value that is there."""
        return self._places[key].size_bytes

    def get(self, key: K) -> V | None:
        """The value, touched; None if it is not there."""
        place = self._places.get(key)
        if place is None:
            return None
        self._touch(place)
        return place.value

    def put(self, key: K, value: V, *, size_bytes: int, weight: float = 1.0) -> None:
        """Add or replace a value; the caller shrinks the shelf afterwards."""
        self.remove(key)
        place = _Place(value=value, size_bytes=size_bytes, weight=weight)
        self._touch(place)
        self._places[key] = place
        self.size_bytes += size_bytes

    def remove(self, key: K) -> V | None:
        place = self._places.pop(key, None)
        if place is None:
            return None
        self.size_bytes -= place.size_bytes
        return place.value

    def shrink(self, may_go: Callable[[K], bool] = lambda _: True) -> list[tuple[K, V]]:
        """Evict until the budget holds or nothing more may go; what went, in that order."""
        gone: list[tuple[K, V]] = []
        while self.size_bytes > self.budget_bytes:
            candidates = [key for key in self._places if may_go(key)]
            if not candidates:
                break
            key = min(candidates, key=lambda k: (self._places[k].credit, self._places[k].tick))
            place = self._places.pop(key)
            self._floor = max(self._floor, place.credit)
            self.size_bytes -= place.size_bytes
            gone.append((key, place.value))
        return gone

    def _touch(self, place: _Place[V]) -> None:
        self._ticks += 1
        place.tick = self._ticks
        place.credit = self._floor + place.weight
