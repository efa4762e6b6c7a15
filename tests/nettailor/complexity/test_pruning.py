import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nettailor.architecture.plan import Plan, full_plan
from nettailor.complexity.pruning import prune, weakest_blocks
from nettailor.errors import PlanCutsEveryPath, PlanInvalid
from tests.nettailor.architecture.plans import plans


def test_the_weakest_blocks_go_first() -> None:
    plan = full_plan(3, 1)
    alphas = {1: [0.9, 0.1], 2: [0.3, 0.7], 3: [0.6, 0.4]}
    assert weakest_blocks(plan, alphas) == [2, 3, 1]
    assert prune(plan, alphas, blocks=1).blocks == (True, False, True)


def test_weak_proxies_go_after_renormalisation() -> None:
    plan = full_plan(3, 3)
    # Node 3 loses its block: 0.04 of the 0.10 left is no longer weak, 0.002 still is.
    alphas = {1: [0.99, 0.01], 2: [0.98, 0.01, 0.01], 3: [0.9, 0.058, 0.04, 0.002]}
    assert prune(plan, alphas, blocks=0).proxies == ((), (), (2,))
    alphas[1], alphas[2] = [0.999, 0.001], [0.998, 0.001, 0.001]
    assert prune(plan, alphas, blocks=1).proxies == ((), (), (2, 1))


def test_the_last_path_into_a_needed_node_stays() -> None:
    plan = full_plan(2, 1)
    alphas = {1: [0.97, 0.03], 2: [0.97, 0.03]}
    assert prune(plan, alphas, blocks=1, threshold=0.99) == Plan(blocks=(True, False), proxies=((), (1,)))


def test_a_node_that_nothing_uses_goes_with_its_block() -> None:
    plan = full_plan(3, 2)
    alphas = {1: [0.9, 0.1], 2: [0.95, 0.04, 0.01], 3: [0.01, 0.01, 0.98]}
    # Block 3 and the proxy 2 -> 3 are gone, so node 2 feeds nothing and its kept block is excluded.
    assert prune(plan, alphas, blocks=1).blocks == (True, False, False)


def test_cutting_every_path_is_refused() -> None:
    with pytest.raises(PlanCutsEveryPath, match="no path is left"):
        prune(full_plan(2, 0), {1: [1.0], 2: [1.0]}, blocks=1)
    with pytest.raises(PlanInvalid, match="3 to remove, the plan has 2"):
        prune(full_plan(2, 0), {1: [1.0], 2: [1.0]}, blocks=3)


@settings(max_examples=200)
@given(plan=plans(7), seed=st.integers(0, 2**31), data=st.data())
def test_properties(plan: Plan, seed: int, data: st.DataObject) -> None:
    rng = np.random.default_rng(seed)
    alphas = {n: rng.dirichlet(np.full(len(plan.inputs(n)), 0.5)) for n in plan.nodes()}
    blocks = data.draw(st.integers(0, len(weakest_blocks(plan, alphas))))
    try:
        smaller = prune(plan, alphas, blocks=blocks)
    except PlanCutsEveryPath:
        return
    assert not any(smaller.keeps_block(n) for n in weakest_blocks(plan, alphas)[:blocks])
    for node in smaller.nodes():
        assert set(smaller.sources(node)) <= set(plan.sources(node))
        assert plan.keeps_block(node) or not smaller.keeps_block(node)
