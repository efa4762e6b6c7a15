"""Slots are apart, within their space, and all of it comes back."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule

from server.link.slots import PAGE_BYTES, Slots

_PAGES = 16


class SlotsMachine(RuleBasedStateMachine):
    """Beside a list of pages that says of each whose it is."""

    held = Bundle("held")

    def __init__(self) -> None:
        super().__init__()
        self.slots = Slots(_PAGES * PAGE_BYTES + 100)
        self.pages: list[int | None] = [None] * _PAGES

    @rule(target=held, size=st.integers(0, _PAGES * PAGE_BYTES))
    def take(self, size: int) -> object:
        needed = max(1, -(-size // PAGE_BYTES))
        first = next((at for at in range(_PAGES) if self.pages[at : at + needed] == [None] * needed), None)
        begin = self.slots.take(size)
        if first is None:
            assert begin is None
            return multiple()
        assert begin == first * PAGE_BYTES  # the lowest gap that is large enough
        self.pages[first : first + needed] = [begin] * needed
        return begin

    @rule(begin=consumes(held))
    def give_back(self, begin: int) -> None:
        self.slots.give_back(begin)
        self.pages = [None if page == begin else page for page in self.pages]

    @invariant()
    def is_empty_when_all_came_back(self) -> None:
        assert self.slots.is_empty == (self.pages == [None] * _PAGES)
        if self.slots.is_empty:
            begin = self.slots.take(_PAGES * PAGE_BYTES)
            assert begin == 0
            self.slots.give_back(begin)


TestSlots = SlotsMachine.TestCase
TestSlots.settings = settings(max_examples=50)  # of fifty steps each
