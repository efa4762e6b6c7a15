"""A folded bundle spread out as its slot wants it: zeros where the task has no block, no proxy, no class."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nettailor.architecture.geometry import Geometry
from server.engine.folded import FoldedBundle
from server.engine.folding import FloatArray
from server.engine.grouped.layout import SlotLayout


@dataclass(frozen=True, kw_only=True, eq=False)
class BlockBiases:
    """Of a shared block's convolutions, (C,) each, the backbone's batch-norms folded in."""

    branch: Sequence[FloatArray]
    shortcut: FloatArray | None


def slot_values(
    layout: SlotLayout, folded: FoldedBundle, shapes: Geometry, blocks: Mapping[int, BlockBiases]
) -> FloatArray:
    """All numbers (width,) of a task's slot; `blocks` by node."""
    values = np.zeros(layout.width, np.float32)
    out = {name: values[region.span].reshape(region.shape) for name, region in layout.regions.items()}
    arrays = folded.arrays()
    for node in folded.manifest.plan.nodes():
        out[f"{node}.statistics"][...] = _statistics(node, arrays, blocks[node])
        if folded.manifest.plan.sources(node):
            _spread_proxies(node, layout, folded, out, shapes)
    classes = len(folded.manifest.classes)
    out["head.weight"][:classes], out["head.bias"][:classes] = arrays["head.weight"], arrays["head.bias"]
    return values


def _statistics(node: int, arrays: Mapping[str, FloatArray], block: BlockBiases) -> FloatArray:
    """As `server.engine.folding` lays them out: the task's own, or the backbone's in that form. Where the block is gone
    all scales are zero, and the proxies' biases are the shift of the sum."""
    own, alpha, bias = (arrays.get(f"{node}.{name}") for name in ("statistics", "alpha", "bias"))
    if own is not None:
        return own
    assert bias is not None
    if alpha is None:
        gone = [np.zeros(2 * inner.size, np.float32) for inner in block.branch[:-1]]
        return np.concatenate([*gone, np.zeros(2 * bias.size, np.float32), bias])
    inner = [part for bias in block.branch[:-1] for part in (np.ones_like(bias), bias)]
    shift = block.branch[-1] if block.shortcut is None else block.branch[-1] + block.shortcut
    scale = np.broadcast_to(alpha, bias.shape)
    return np.concatenate([*inner, scale, scale, shift * alpha + bias])


def _spread_proxies(
    node: int, layout: SlotLayout, folded: FoldedBundle, out: Mapping[str, FloatArray], shapes: Geometry
) -> None:
    """Each to the columns of its source; in the bundle they lie side by side without gaps."""
    arrays, own = folded.arrays(), folded.manifest.plan.sources(node)
    read = write = 0
    for source in layout.sources[node - 1]:
        width = shapes.proxy_channels(source, node)[-2]
        if source in own:
            out[f"{node}.proxies"][:, write : write + width] = arrays[f"{node}.proxies"][:, read : read + width]
            for part in ("matrix", "bias") if shapes.bottleneck else ():
                out[f"{node}.proxies.{source}.{part}"][...] = arrays[f"{node}.proxies.{source}.{part}"]
            read += width
        write += width
