"""Rolling back reads the history from its end and finds what reading it from its start finds."""

from collections.abc import Collection, Iterable, Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from registry.journal.records import AliasMoved, Record, TaskDeleted
from registry.registry import Registry
from registry.versions.rollback import earlier_version
from tests.registry.published import publish

Step = tuple[str, str, int | None]  # kind of the record, alias, version
STEPS = st.tuples(
    st.sampled_from(["promote", "promote", "rollback", "deleted"]),
    st.sampled_from(["live", "stable"]),
    st.none() | st.integers(1, 4),
)


def record(sequence: int, step: Step) -> Record:
    kind, alias, version = step
    if kind == "deleted":
        return TaskDeleted(task="signs", sequence=sequence, at="", actor="me", reason="")
    return AliasMoved(
        task="signs",
        sequence=sequence,
        at="",
        actor="me",
        alias=alias,
        before=None,
        after=version,
        rollback=kind == "rollback",
        reason="",
    )


def from_the_start(history: Iterable[Record], alias: str, existing: Collection[int]) -> int | None:
    pile: list[int | None] = []
    for each in history:
        if isinstance(each, TaskDeleted):
            pile.clear()
        elif isinstance(each, AliasMoved) and each.alias == alias:
            if each.rollback:
                while pile and pile[-1] != each.after:
                    pile.pop()
            else:
                pile.append(each.after)
    current = pile.pop() if pile else None
    return next((v for v in reversed(pile) if v is not None and v != current and v in existing), None)


@given(steps=st.lists(STEPS, max_size=14), existing=st.sets(st.integers(1, 4)))
@example(steps=[("promote", "live", v) for v in (1, 2, 3)] + [("rollback", "live", v) for v in (2, 1)], existing={1, 2})
def test_from_either_end(steps: list[Step], existing: set[int]) -> None:
    history = [record(number, step) for number, step in enumerate(steps, 1)]
    for alias in ("live", "stable"):
        expected = from_the_start(history, alias, existing)
        assert earlier_version(reversed(history), alias, existing) == expected


def test_no_more_is_read_than_it_takes() -> None:
    def endless() -> Iterator[Record]:
        yield record(9, ("promote", "live", 4))
        yield record(8, ("promote", "live", 3))
        raise AssertionError("went on")

    assert earlier_version(endless(), "live", {3, 4}) == 3


@pytest.mark.parametrize("page", [1, 3, 100])
def test_pages_of_a_history(registry: Registry, page: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("registry.journal.index._PAGE", page)
    publish(registry, 0.9, 0.9)
    for version in (1, 2, 1, 2):
        registry.promote("signs", "live", version, actor="me", reason="")
    assert list(registry.index.newest_first("signs")) == registry.history("signs")[::-1]
    assert list(registry.index.newest_first("signs", after=3)) == registry.history("signs")[:2:-1]
    assert list(registry.index.newest_first("signs", after=7)) == []
    assert list(registry.index.newest_first("unheard")) == []
