from hypothesis import given
from hypothesis import strategies as st

from trainer.recipe.selection import Candidate, OutOfTime, choose, pareto_optimal, search


def candidate(blocks: int, *, good: bool, cost: float | None = None, accuracy: float = 0.5) -> Candidate[int]:
    cost = 1 - blocks / 20 if cost is None else cost
    return Candidate(blocks_removed=blocks, accuracy=accuracy, cost=cost, good=good, model=blocks)


@given(most=st.integers(0, 16), limit=st.integers(-1, 16))
def test_where_goodness_is_monotonic_the_answer_is_exact(most: int, limit: int) -> None:
    tried: list[int] = []

    def evaluate(blocks: int) -> Candidate[int]:
        tried.append(blocks)
        return candidate(blocks, good=blocks <= limit)

    found = search(evaluate, most)
    assert len(tried) == len(set(tried)) <= (most + 1).bit_length() + 2
    if limit >= 0:
        assert choose(found, 0.005).blocks_removed == min(limit, most)
    else:
        assert not choose(found, 0.005).good


@given(st.lists(st.sampled_from(["good", "bad", "cut"]), min_size=1, max_size=17))
def test_whatever_is_chosen_was_tried_and_is_the_leanest_good_one(kinds: list[str]) -> None:
    def evaluate(blocks: int) -> Candidate[int] | None:
        return None if kinds[blocks] == "cut" else candidate(blocks, good=kinds[blocks] == "good")

    found = search(evaluate, len(kinds) - 1)
    if any(c.good for c in found):
        best = choose(found, 0.005)
        assert best.good
        assert best.cost == min(c.cost for c in found if c.good)


def test_the_neighbours_of_the_answer_are_tried() -> None:
    found = search(lambda blocks: candidate(blocks, good=blocks <= 6), 12)
    assert {5, 6, 7} <= {c.blocks_removed for c in found}


def test_a_neighbour_that_keeps_more_blocks_can_be_leaner() -> None:
    costs = {5: 0.3, 6: 0.4}  # exclusions took more along
    found = search(lambda blocks: candidate(blocks, good=blocks <= 6, cost=costs.get(blocks, 0.9)), 12)
    assert choose(found, 0.005).blocks_removed == 5


def test_where_none_is_good_the_leanest_of_about_the_best_accuracy_is_chosen() -> None:
    found = [candidate(blocks, good=False, accuracy=a) for blocks, a in ((0, 0.7), (2, 0.698), (6, 0.69))]
    assert choose(found, 0.005).blocks_removed == 2
    assert choose(found, 0.0).blocks_removed == 0
    assert choose(found, 0.01).blocks_removed == 6


@given(most=st.integers(0, 16), limit=st.integers(0, 17))
def test_within_a_budget_the_fewest_blocks_go(most: int, limit: int) -> None:
    """Accuracy falls as blocks go, and from `limit` on the budget is kept."""
    found = search(
        lambda blocks: candidate(blocks, good=blocks >= limit, accuracy=1 - blocks / 20), most, wanted="most accurate"
    )
    chosen = choose(found, 0.005, wanted="most accurate")
    assert chosen.blocks_removed == min(limit, most)
    assert chosen.good == (limit <= most)
    assert len(found) <= (most + 1).bit_length() + 2


def test_networks_without_a_path_end_the_way_to_a_budget() -> None:
    found = search(lambda blocks: candidate(blocks, good=False) if blocks < 5 else None, 12, wanted="most accurate")
    assert choose(found, 0.005, wanted="most accurate").blocks_removed == 4


def test_the_most_accurate_within_a_budget_may_be_leaner_than_need_be() -> None:
    found = [candidate(k, good=k >= 6, accuracy=a) for k, a in ((5, 0.95), (6, 0.90), (7, 0.91), (8, 0.91))]
    assert choose(found, 0.005, wanted="most accurate").blocks_removed == 8


@given(st.integers(0, 5))
def test_a_search_that_runs_out_of_time_gives_what_it_has(enough: int) -> None:
    tried: list[int] = []

    def evaluate(blocks: int) -> Candidate[int]:
        if len(tried) == enough:
            raise OutOfTime
        tried.append(blocks)
        return candidate(blocks, good=blocks <= 6)

    assert [c.blocks_removed for c in search(evaluate, 12)] == sorted(tried)


shares = st.sampled_from([0.1, 0.2, 0.3, 0.4])


@given(st.lists(st.tuples(shares, shares), min_size=1, max_size=8))
def test_pareto_optimal_is_what_nothing_beats(points: list[tuple[float, float]]) -> None:
    found = [candidate(k, good=True, accuracy=a, cost=c) for k, (a, c) in enumerate(points)]
    optimal = pareto_optimal(found)
    for k, (accuracy, cost) in enumerate(points):
        beats = [(a, c) for a, c in points if a >= accuracy and c <= cost and (a > accuracy or c < cost)]
        assert (k in optimal) == (not beats)
    assert choose(found, 0.0).blocks_removed in optimal or len({c for _, c in points}) < len(points)
