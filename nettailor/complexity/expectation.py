"""The expected complexity E[C] of a student as a differentiable function of its alphas (eq. 5-10).

A path p -> l is lost if it is pruned itself (probability 1 - a_pl), if its source has lost every input, or if its
target has lost every use; eq. 9 adds the three probabilities as if they excluded one another:
E[C] = sum C_pl (1 - (1 - a_pl) - prod_i (1 - a_ip) - prod_j (1 - a_lj)).
The stem's output always has its input, and node L its use: those two products are 0. The stem's own cost is not in
the sum but in the denominator of C_pl.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from nettailor.architecture.plan import Plan
from nettailor.complexity.counting import PathCosts


class ExpectedComplexity:
    """E[C] for one plan; prepared once, evaluated every step."""

    def __init__(self, plan: Plan, costs: PathCosts) -> None:
        paths = [(source, node) for node in plan.nodes() for source in plan.inputs(node)]
        self.plan = plan
        self.cost = torch.tensor([cost for node in plan.nodes() for cost in costs.of(plan, node)])  # (paths,)
        self.source = torch.tensor([source for source, _ in paths])
        self.node = torch.tensor([node for _, node in paths])
        # Row n lists the paths into (out of) node n; padded with the index of a 1 appended to (1 - a).
        nodes = range(plan.depth + 1)
        self.into = _padded([[i for i, path in enumerate(paths) if path[1] == node] for node in nodes], len(paths))
        self.out_of = _padded([[i for i, path in enumerate(paths) if path[0] == node] for node in nodes], len(paths))
        self.inner_input = torch.tensor([float(node > 0) for node in nodes])
        self.inner_use = torch.tensor([float(node < plan.depth) for node in nodes])

    def __call__(self, alphas: Mapping[int, Tensor]) -> Tensor:
        """Scalar E[C] as a share of the backbone; `alphas[l]` (paths into l,), softmaxed, as `plan.inputs(l)`."""
        return (self.cost * self._survival(alphas)).sum()

    def floored(self, alphas: Mapping[int, Tensor]) -> Tensor:
        """E[C] with no path below 0, to be minimised.

        Where exclusions are likely the sum of their probabilities passes 1, and eq. 9 counts the path as less than
        nothing. Even alphas everywhere then cost less than any network, and the minimum says nothing about which
        blocks to cut.
        """
        return (self.cost * self._survival(alphas).clamp_min(0)).sum()

    def _survival(self, alphas: Mapping[int, Tensor]) -> Tensor:  # (paths,), eq. 9
        a = torch.cat([alphas[node] for node in self.plan.nodes()])
        absent = torch.cat([1 - a, a.new_ones(1)])
        no_input = absent[self.into].prod(1) * self.inner_input  # (nodes,)
        no_use = absent[self.out_of].prod(1) * self.inner_use
        return a - no_input[self.source] - no_use[self.node]


def _padded(rows: list[list[int]], filler: int) -> Tensor:
    width = max(map(len, rows))
    return torch.tensor([row + [filler] * (width - len(row)) for row in rows])
