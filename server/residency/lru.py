"""An LRU: values under a budget of measured bytes, emptied by weighted LRU (torch-free; not thread-safe)."""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(kw_only=True, eq=False, slots=True)
class _Place(Generic[V]):
    value: V
    size_bytes: int
    weight: float
    credit: float = 0.0
    tick: int = 0


class Lru(Generic[K, V]):
    """Weighted LRU as GreedyDual (Young 1994): a touch sets a value's credit to floor + weight, the one with the
    least credit goes first and raises the floor to its own. With equal weights this is plain LRU; a value of weight w
    outlives its last touch by w rounds of evictions.
    """

    def __init__(self, budget_bytes: int) -> None:
        self.budget_bytes = budget_bytes
        self.size_bytes = 0
        self._places: dict[K, _Place[V]] = {}
        # The floor only rises, so among equal weights the longest untouched has the least credit: by weight, in the
        # order of touches, the next to go is the first of one of these rows.
        self._rows: dict[float, OrderedDict[K, None]] = {}
        self._floor = 0.0
        self._ticks = 0

    def __contains__(self, key: K) -> bool:
        return key in self._places

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[K]:
        return iter(self._places)

    def size_of(self, key: K) -> int:
        """How many bytes were measured for a value that is there."""
        return self._places[key].size_bytes

    def get(self, key: K) -> V | None:
        """Touch a value and return it; None if it is not there."""
        place = self._places.get(key)
        if place is None:
            return None
        self._touch(key, place)
        return place.value

    def put(self, key: K, value: V, *, size_bytes: int, weight: float = 1.0) -> None:
        """Add or replace a value; the caller shrinks it afterwards."""
        self.remove(key)
        place = self._places[key] = _Place(value=value, size_bytes=size_bytes, weight=weight)
        self._rows.setdefault(weight, OrderedDict())[key] = None
        self._touch(key, place)
        self.size_bytes += size_bytes

    def remove(self, key: K) -> V | None:
        place = self._places.pop(key, None)
        if place is None:
            return None
        row = self._rows[place.weight]
        del row[key]
        if not row:
            del self._rows[place.weight]
        self.size_bytes -= place.size_bytes
        return place.value

    def shrink(self, may_go: Callable[[K], bool] = lambda _: True) -> list[tuple[K, V]]:
        """Evict until the budget holds or nothing more may go. Returns what went, in that order."""
        gone: list[tuple[K, V]] = []
        while self.size_bytes > self.budget_bytes:
            firsts = [next((key for key in row if may_go(key)), None) for row in self._rows.values()]
            candidates = [(self._places[key], key) for key in firsts if key is not None]
            if not candidates:
                break
            place, key = min(candidates, key=lambda found: (found[0].credit, found[0].tick))
            self._floor = max(self._floor, place.credit)
            self.remove(key)
            gone.append((key, place.value))
        return gone

    def _touch(self, key: K, place: _Place[V]) -> None:
        self._rows[place.weight].move_to_end(key)
        self._ticks += 1
        place.tick = self._ticks
        place.credit = self._floor + place.weight
