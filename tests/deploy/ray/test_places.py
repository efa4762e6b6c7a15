"""Ranks of replicas: holders first, then a home that does not move when others come and go."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from deploy.ray.places import Held, Sent, ranked

_NOTHING: Held = {"device": [], "host": []}
_TASKS = st.sampled_from("abcdef")
_HELD = st.fixed_dictionaries({"device": st.lists(_TASKS, unique=True), "host": st.lists(_TASKS, unique=True)})
_REPLICAS = st.dictionaries(st.sampled_from([f"replica {number}" for number in range(6)]), _HELD, min_size=1)


def _empty(count: int) -> dict[str, Held]:
    return {f"replica {number}": _NOTHING for number in range(count)}


def _home(task: str, held: dict[str, Held]) -> str:
    return ranked([task], held, {})[0][0]


@given(tasks=st.lists(_TASKS, min_size=1, unique=True), held=_REPLICAS)
def test_every_replica_has_one_rank_and_those_that_hold_more_come_first(
    tasks: list[str], held: dict[str, Held]
) -> None:
    ranks = ranked(tasks, held, {})
    assert sorted(replica for rank in ranks for replica in rank) == sorted(held)
    worths = [{_worth(tasks, held[replica]) for replica in rank} for rank in ranks]
    assert all(len(worth) == 1 for worth in worths)  # a rank's replicas hold equally much
    assert worths == sorted(worths, key=max, reverse=True)


def _worth(tasks: list[str], tiers: Held) -> int:
    """A copy in host memory beside the one on the device is worth nothing more."""
    return sum(2 if task in tiers["device"] else int(task in tiers["host"]) for task in tasks)


def test_those_that_hold_a_task_share_the_first_rank() -> None:
    held = _empty(3) | {"replica 3": {"device": ["a"], "host": []}, "replica 4": {"device": ["a", "b"], "host": []}}
    assert ranked(["a"], held, {})[0] == ["replica 3", "replica 4"]


def test_ready_to_run_is_better_than_in_host_memory_and_that_than_nowhere() -> None:
    held = _empty(1) | {"in host": {"device": [], "host": ["a"]}, "ready": {"device": ["a"], "host": ["b"]}}
    assert ranked(["a"], held, {}) == [["ready"], ["in host"], ["replica 0"]]


def test_several_tasks_go_where_most_of_them_are() -> None:
    held: dict[str, Held] = {
        "one": {"device": ["a"], "host": []},
        "two": {"device": ["b", "c"], "host": []},
        "none": _NOTHING,
    }
    assert ranked(["a", "b", "c"], held, {}) == [["two"], ["one"], ["none"]]


def test_a_replica_that_has_told_nothing_is_still_a_choice() -> None:
    assert ranked(["a"], {"new": {}}, {}) == [["new"]]


def test_without_replicas_there_is_no_rank() -> None:
    assert ranked(["a"], {}, {}) == []


def test_homes_are_spread_and_only_those_of_a_lost_replica_move() -> None:
    tasks = [f"task {number}" for number in range(400)]
    before = {task: _home(task, _empty(4)) for task in tasks}
    assert all(60 < count < 140 for count in Counter(before.values()).values())
    survivors = {name: tiers for name, tiers in _empty(4).items() if name != "replica 2"}
    for task, home in before.items():
        assert (_home(task, survivors) == home) == (home != "replica 2")


def test_of_two_homes_the_emptier_is_first() -> None:
    for task in "abcdef":
        first, second, *_ = [replica for (replica,) in ranked([task], _empty(4), {})]
        full = _empty(4) | {first: {"device": ["x", "y"], "host": []}}
        assert [replica for (replica,) in ranked([task], full, {})][:2] == [second, first]


def test_where_a_task_was_sent_lately_counts_as_holding_it() -> None:
    held = _empty(3) | {"holds": {"device": ["a"], "host": []}}
    assert ranked(["a"], held, {"a": "replica 1"})[0] == ["replica 1", "holds"]
    assert ranked(["a"], held, {"a": "gone by now"})[0] == ["holds"]


def test_what_was_sent_is_forgotten_in_time_however_often_it_is_sent_again() -> None:
    now = 0.0
    sent = Sent(3, clock=lambda: now)
    sent.add("a", "one")
    sent.add("b", "one")
    now = 2
    sent.add("a", "two")
    sent.add("b", "one")
    assert sent.of(["a", "b", "c"]) == {"a": "two", "b": "one"}
    now = 3
    assert sent.of(["a", "b"]) == {"a": "two"}
    now = 5
    assert sent.of(["a", "b"]) == {}


def test_a_home_is_the_same_whatever_order_replicas_are_told_in() -> None:
    held = _empty(5)
    backwards = dict(reversed(held.items()))
    assert all(_home(task, held) == _home(task, backwards) for task in "abcdefgh")
