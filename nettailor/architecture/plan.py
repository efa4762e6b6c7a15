"""The plan: which blocks and which proxies of a student survive (torch-free).

Node 0 is the stem's output; node l = 1 ... L pools its surviving paths: the block G_l, fed by node l-1, and proxies
A_p^l, each fed by its own source p < l. A node without paths is absent.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from nettailor.errors import PlanCutsEveryPath, PlanInvalid


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Index l - 1 of either tuple is node l.

    `blocks[l - 1]` says whether G_l stays; `proxies[l - 1]` names the sources of the surviving proxies into node l,
    nearest first. A plan is always consistent: every path starts at a node that is there, every node but the last
    feeds another, and node L is there. Raises `PlanInvalid`; `PlanCutsEveryPath` if node L is absent.
    """

    blocks: tuple[bool, ...]
    proxies: tuple[tuple[int, ...], ...]

    def __post_init__(self) -> None:
        if len(self.blocks) != len(self.proxies) or not self.blocks:
            raise PlanInvalid("plan", f"{len(self.blocks)} blocks but {len(self.proxies)} lists of proxies")
        for node, sources in enumerate(self.proxies, start=1):
            if any(not 0 <= p < node for p in sources) or list(sources) != sorted(set(sources), reverse=True):
                raise PlanInvalid(f"node {node}", f"sources {sources} are not distinct earlier nodes, nearest first")
        if not self.present(self.depth):
            raise PlanCutsEveryPath(f"node {self.depth}")
        used = {source for node in range(1, self.depth + 1) for source in self.inputs(node)}
        for node in range(self.depth):
            if node in used and not self.present(node):
                raise PlanInvalid(f"node {node}", "is the source of a path but has no path itself")
            if node not in used and self.present(node) and node > 0:
                raise PlanInvalid(f"node {node}", "feeds no other node")

    @property
    def depth(self) -> int:
        """L."""
        return len(self.blocks)

    def keeps_block(self, node: int) -> bool:
        return self.blocks[node - 1]

    def sources(self, node: int) -> tuple[int, ...]:
        """Sources of the proxies into a node, nearest first."""
        return self.proxies[node - 1]

    def present(self, node: int) -> bool:
        """Whether the node is computed at all; the stem's output always is."""
        return node == 0 or self.blocks[node - 1] or bool(self.proxies[node - 1])

    def nodes(self) -> Iterator[int]:
        """The present nodes l >= 1, in order of computation."""
        return (node for node in range(1, self.depth + 1) if self.present(node))

    def inputs(self, node: int) -> tuple[int, ...]:
        """The source node of each path into a node, in the order of its alphas: the block first if kept, then
        proxies nearest first."""
        return ((node - 1,) if self.keeps_block(node) else ()) + self.sources(node)

    def proxy_paths(self) -> Iterator[tuple[int, int]]:
        """(source, node) of every surviving proxy."""
        return ((source, node) for node in self.nodes() for source in self.sources(node))


def full_plan(depth: int, skips: int | None) -> Plan:
    """Every block, and proxies from the nearest `skips` sources (None: from all, "dense"; 0: none)."""
    nearest = depth if skips is None else skips
    proxies = tuple(tuple(range(node - 1, max(node - 1 - nearest, -1), -1)) for node in range(1, depth + 1))
    return Plan(blocks=(True,) * depth, proxies=proxies)


def reachable_plan(blocks: list[bool], proxies: list[list[int]]) -> Plan:
    """The plan left after dropping, to a fixed point, every path from an absent node (input exclusion) and every
    node that feeds nothing (output exclusion). Raises `PlanCutsEveryPath`."""
    depth = len(blocks)
    blocks, proxies = list(blocks), [sorted(set(s), reverse=True) for s in proxies]
    present = [True] + [False] * depth
    for node in range(1, depth + 1):
        blocks[node - 1] = blocks[node - 1] and present[node - 1]
        proxies[node - 1] = [p for p in proxies[node - 1] if present[p]]
        present[node] = blocks[node - 1] or bool(proxies[node - 1])
    if not present[depth]:
        raise PlanCutsEveryPath(f"node {depth}")
    used = {depth}
    for node in range(depth, 0, -1):
        if node not in used:
            blocks[node - 1], proxies[node - 1] = False, []
        used.update(proxies[node - 1], [node - 1] if blocks[node - 1] else [])
    return Plan(blocks=tuple(blocks), proxies=tuple(map(tuple, proxies)))
