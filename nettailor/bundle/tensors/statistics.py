"""Tensors of a task's own batch-norm: `statistics.{l}.{norm}.{mean,var}`, (C,) each, of the kept blocks l."""

from nettailor.architecture.geometry import Geometry
from nettailor.architecture.plan import Plan

Shape = tuple[int, ...]


def statistics_shapes(geometry: Geometry, plan: Plan) -> dict[str, Shape]:
    """Name and shape of the statistics of every batch-norm in the kept blocks."""
    shapes: dict[str, Shape] = {}
    for node in plan.nodes():
        if plan.keeps_block(node):
            for norm, channels in geometry.blocks[node - 1].norms.items():
                shapes |= {f"statistics.{node}.{norm}.{part}": (channels,) for part in ("mean", "var")}
    return shapes
