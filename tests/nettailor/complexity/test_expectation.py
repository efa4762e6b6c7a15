import math
from itertools import product

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nettailor.architecture.geometry import geometry
from nettailor.architecture.plan import Plan, full_plan
from nettailor.complexity.counting import PathCosts, path_costs
from nettailor.complexity.expectation import ExpectedComplexity
from tests.nettailor.architecture.plans import plans

EXPECTED = {  # E[C] at the start alphas for k = 1 and k = 3
    "resnet18": (0.888360, 0.814290),
    "resnet34": (0.917301, 0.825676),
    "resnet50": (0.920217, 0.825896),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_known_values_at_the_start(name: str) -> None:
    shapes = geometry(name)
    for skips, expected in zip((1, 3), EXPECTED[name], strict=True):
        plan = full_plan(shapes.depth, skips)
        start = {n: torch.softmax(torch.tensor([2.0] + [-2.0] * len(plan.sources(n))), 0) for n in plan.nodes()}
        value = ExpectedComplexity(plan, path_costs(shapes, 224))(start)
        assert float(value) == pytest.approx(expected, abs=1.5e-6)


def brute_force(plan: Plan, costs: PathCosts, alphas: dict[int, list[float]], least: float = -math.inf) -> float:
    """Eq. 9 path by path; each exclusion probability by summing over all outcomes of the paths concerned.

    No path counts for less than `least`.
    """

    def all_gone(paths: list[float]) -> float:
        outcomes = product([True, False], repeat=len(paths))
        return sum(
            math.prod(a if kept else 1 - a for a, kept in zip(paths, outcome, strict=True))
            for outcome in outcomes
            if not any(outcome)
        )

    edges = [
        (source, node, alpha, cost)
        for node in plan.nodes()
        for source, alpha, cost in zip(plan.inputs(node), alphas[node], costs.of(plan, node), strict=True)
    ]
    total = 0.0
    for source, node, alpha, cost in edges:
        no_input = all_gone([a for _, n, a, _ in edges if n == source]) if source > 0 else 0.0
        no_use = all_gone([a for s, _, a, _ in edges if s == node]) if node < plan.depth else 0.0
        total += cost * max(least, 1 - (1 - alpha) - no_input - no_use)
    return total


@settings(max_examples=40)
@given(plan=plans(12), seed=st.integers(0, 2**31))
def test_expected_complexity_equals_brute_force(plan: Plan, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    logits = {n: 2 * torch.randn(len(plan.inputs(n)), generator=generator) for n in plan.nodes()}
    alphas = {n: torch.softmax(value, 0).requires_grad_() for n, value in logits.items()}
    costs = path_costs(geometry("mini26"), 32)
    expected, numbers = ExpectedComplexity(plan, costs), {n: a.tolist() for n, a in alphas.items()}
    assert float(expected(alphas).detach()) == pytest.approx(brute_force(plan, costs, numbers), abs=1e-6)
    assert float(expected.floored(alphas).detach()) == pytest.approx(
        brute_force(plan, costs, numbers, least=0.0), abs=1e-6
    )
    (expected(alphas) + expected.floored(alphas)).backward()
    assert all(a.grad is not None and torch.isfinite(a.grad).all() for a in alphas.values())
