from hypothesis import given
from hypothesis import strategies as st

from trainer.selection import Candidate, choose, search


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
