"""From learned alphas to a plan (section 3.5 of the paper; torch-free)."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from nettailor.architecture.plan import Plan, reachable_plan
from nettailor.errors import PlanInvalid

PROXY_THRESHOLD = 0.05


def weakest_blocks(plan: Plan, alphas: Mapping[int, ArrayLike]) -> list[int]:
    """Nodes whose block the plan keeps, the smallest a_ll first (ties: the deeper block first).

    `alphas[l]` are the alphas into node l, in the order of `plan.inputs(l)`.
    """
    kept = [node for node in plan.nodes() if plan.keeps_block(node)]
    return sorted(kept, key=lambda node: (float(np.asarray(alphas[node])[0]), -node))


def prune(plan: Plan, alphas: Mapping[int, ArrayLike], *, blocks: int, threshold: float = PROXY_THRESHOLD) -> Plan:
    """Drop the `blocks` weakest blocks, then proxies whose renormalised alpha is under `threshold` (never the last
    path into a node), then whatever the exclusions leave without input or use.

    Raises `PlanInvalid` if there are fewer blocks, `PlanCutsEveryPath` if nothing would be left.
    """
    order = weakest_blocks(plan, alphas)
    if not 0 <= blocks <= len(order):
        raise PlanInvalid("blocks", f"{blocks} to remove, the plan has {len(order)}")
    removed = set(order[:blocks])
    kept = [plan.keeps_block(node) and node not in removed for node in range(1, plan.depth + 1)]
    # A path whose source is gone must not be anyone's last path: exclude first, then apply the threshold.
    reachable = reachable_plan(kept, [list(s) for s in plan.proxies])
    proxies = [_strong_sources(plan, reachable, node, alphas, threshold) for node in range(1, plan.depth + 1)]
    return reachable_plan(list(reachable.blocks), proxies)


def _strong_sources(
    plan: Plan, reachable: Plan, node: int, alphas: Mapping[int, ArrayLike], threshold: float
) -> list[int]:
    """Sources of the proxies into a node that keep at least `threshold` of what is left, at least one path."""
    sources = reachable.sources(node)
    if not sources:
        return []
    values = np.asarray(alphas[node], np.float64)
    offset = int(plan.keeps_block(node))
    weights = {p: values[offset + plan.sources(node).index(p)] for p in sources}
    total = sum(weights.values()) + (values[0] if reachable.keeps_block(node) else 0.0)
    strong = [p for p in sources if weights[p] >= threshold * total]
    if not strong and not reachable.keeps_block(node):
        strong = [max(sources, key=lambda p: (weights[p], p))]
    return strong
