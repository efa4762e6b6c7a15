"""What goes from a lru, and in which order."""

from dataclasses import dataclass
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.residency.lru import Lru

KEYS = "abcdefgh"


def test_weight_outlives_rounds_of_evictions() -> None:
    lru: Lru[str, int] = Lru(3)
    lru.put("heavy", 0, size_bytes=1, weight=3)
    order = []
    for turn in range(20):
        lru.put(f"light{turn}", turn, size_bytes=1)
        order += [key for key, _ in lru.shrink()]
    # Two lights share the lru with it, so a round is two evictions; an unweighted one would have gone first of all.
    assert 2 * 2 < order.index("heavy") < 2 * 4


@pytest.mark.parametrize("key", ["a", "b"])
def test_what_may_not_go_stays_beyond_the_budget(key: str) -> None:
    lru: Lru[str, int] = Lru(1)
    lru.put("a", 0, size_bytes=1)
    lru.put("b", 1, size_bytes=1)
    assert [gone for gone, _ in lru.shrink(lambda k: k == key)] == [key]
    assert lru.shrink(lambda _: False) == []


@dataclass
class PlainPlace:
    size: int
    weight: float
    credit: float
    tick: int


class PlainShelf:
    """GreedyDual as it is written down: everything is looked at for every eviction."""

    def __init__(self, budget: int) -> None:
        self.budget, self.floor, self.ticks = budget, 0.0, 0
        self.places: dict[str, PlainPlace] = {}

    def touch(self, key: str, size: int | None = None, weight: float = 1.0) -> None:
        if size is not None:
            self.places[key] = PlainPlace(size, weight, 0.0, 0)
        if key in self.places:
            self.ticks += 1
            place = self.places[key]
            place.credit, place.tick = self.floor + place.weight, self.ticks

    def shrink(self, staying: str) -> list[str]:
        gone = []
        while sum(place.size for place in self.places.values()) > self.budget:
            may_go = [(place.credit, place.tick, key) for key, place in self.places.items() if key not in staying]
            if not may_go:
                break
            credit, _, key = min(may_go)
            self.floor = max(self.floor, credit)
            del self.places[key]
            gone.append(key)
        return gone


PUTS = st.tuples(st.sampled_from(KEYS), st.integers(1, 4), st.sampled_from([0.5, 1.0, 3.0]))
STEPS = st.one_of(PUTS, st.sampled_from(KEYS), st.text(KEYS, max_size=3).map(lambda keys: "-" + keys))


def _may_go(staying: str, key: str) -> bool:
    return key not in staying


@given(st.lists(STEPS, max_size=60))
def test_the_same_goes_as_when_everything_is_looked_at(steps: "list[tuple[str, int, float] | str]") -> None:
    lru: Lru[str, str] = Lru(8)
    plain = PlainShelf(8)
    for step in steps:
        if isinstance(step, tuple):
            key, size, weight = step
            lru.put(key, key, size_bytes=size, weight=weight)
            plain.touch(key, size, weight)
        elif step.startswith("-"):
            assert [key for key, _ in lru.shrink(partial(_may_go, step))] == plain.shrink(step)
        else:
            assert lru.get(step) == (step if step in plain.places else None)
            plain.touch(step)
            if step == "h":
                assert lru.remove(step) == (step if plain.places.pop(step, None) else None)
        assert {key: lru.size_of(key) for key in lru} == {key: place.size for key, place in plain.places.items()}
        assert (len(lru), lru.size_bytes) == (len(plain.places), sum(p.size for p in plain.places.values()))
