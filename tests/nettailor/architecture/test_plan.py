import pytest
from hypothesis import given

from nettailor.architecture.plan import Plan, full_plan, reachable_plan
from nettailor.errors import PlanCutsEveryPath, PlanInvalid
from tests.nettailor.architecture.plans import plans


def test_a_full_plan_has_the_nearest_sources() -> None:
    plan = full_plan(4, 2)
    assert plan.proxies == ((0,), (1, 0), (2, 1), (3, 2))
    assert plan.inputs(3) == (2, 2, 1)
    assert full_plan(3, None).proxies == ((0,), (1, 0), (2, 1, 0))


@pytest.mark.parametrize(
    ("blocks", "proxies", "words"),
    [
        ((True,), ((0,), (1,)), "1 blocks but 2"),
        ((True, True), ((0,), (0, 1)), "nearest first"),
        ((True, True), ((1,), ()), "earlier nodes"),
        ((True, True), ((0, 0), ()), "distinct"),
        ((False, True), ((), ()), "no path itself"),
        ((True, False), ((), (0,)), "feeds no other"),
    ],
)
def test_inconsistent_plans_are_refused(
    blocks: tuple[bool, ...], proxies: tuple[tuple[int, ...], ...], words: str
) -> None:
    with pytest.raises(PlanInvalid, match=words):
        Plan(blocks=blocks, proxies=proxies)


def test_a_plan_without_any_path_is_refused() -> None:
    with pytest.raises(PlanCutsEveryPath):
        Plan(blocks=(True, False), proxies=((), ()))
    with pytest.raises(PlanCutsEveryPath):
        reachable_plan([False, True, True], [[], [], [1]])


def test_exclusions_run_to_a_fixed_point() -> None:
    # Node 1 is gone, so node 2's block and proxy are, so is node 2; node 3 then feeds nothing (node 4 skips it).
    plan = reachable_plan([False, True, True, False], [[], [1], [0], [0]])
    assert plan.blocks == (False, False, False, False)
    assert plan.proxies == ((), (), (), (0,))


@given(plans(6))
def test_what_is_reachable_stays_as_it_is(plan: Plan) -> None:
    assert reachable_plan(list(plan.blocks), [list(p) for p in plan.proxies]) == plan
