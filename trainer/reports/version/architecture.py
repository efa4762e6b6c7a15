"""The learned architecture, drawn as the paper's figure 4: blocks kept and removed, proxies with their alphas."""

from typing import TYPE_CHECKING

from nettailor.architecture.geometry import Geometry
from nettailor.bundle.bundle import Bundle
from trainer.reports.version.figures import BLUE, GREY, ORANGE, figure, png

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_RISE = 0.55  # of an arc, in units of a block, at the length of one
_MARGIN = 0.6


def architecture(bundle: Bundle, geometry: Geometry) -> bytes:
    """PNG: node 0 (the stem) on the left, the classifier on the right."""
    plan = bundle.manifest.plan
    longest = max((node - source for source, node in plan.proxy_paths()), default=1)
    drawn = figure(max(9.0, 0.95 * plan.depth), 2.6 + 0.35 * longest)
    axes = drawn.subplots()
    axes.set_axis_off()
    axes.set_xlim(-_MARGIN, plan.depth + 1.1)
    axes.set_ylim(-1.15, _height(longest) + 0.45)
    _draw_stages(axes, geometry)
    for node in range(1, plan.depth + 1):
        alphas = _alphas(bundle, node) if plan.present(node) else []
        _draw_block(axes, node, alphas[0] if plan.keeps_block(node) else None)
        for source, alpha in zip(plan.sources(node), alphas[int(plan.keeps_block(node)) :], strict=True):
            _draw_proxy(axes, source, node, alpha)
    for node in range(plan.depth + 1):
        colour = BLUE if plan.present(node) else "#d5d8dd"
        axes.plot(node, 0, "o", color=colour, markersize=5, zorder=4)
    axes.text(-0.12, 0, "stem", ha="right", va="center", fontsize=8)
    axes.text(plan.depth + 0.12, 0, "classifier", ha="left", va="center", fontsize=8)
    return png(drawn)


def _alphas(bundle: Bundle, node: int) -> list[float]:
    """In the order of the paths; a network of the task's own has one path, and holds no alphas."""
    alphas: list[float] = [1.0] if bundle.manifest.is_whole else bundle.tensors[f"alphas.{node}"].tolist()
    return alphas


def _height(length: int) -> float:
    """How far the top of an arc is above the blocks."""
    return float(_RISE + 0.42 * (length - 1) ** 0.85 + 0.25)


def _draw_stages(axes: "Axes", geometry: Geometry) -> None:
    """A line under the blocks of one resolution."""
    start = 1
    for node in range(1, geometry.depth + 1):
        if node == geometry.depth or geometry.strides[node + 1] != geometry.strides[node]:
            axes.plot([start - 0.95, node - 0.05], [-0.72, -0.72], color=GREY, linewidth=1.2)
            text = f"{geometry.channels[node]} channels, 1/{geometry.strides[node]}"
            axes.text((start + node - 1) / 2, -0.82, text, ha="center", va="top", fontsize=8, color="#555b66")
            start = node + 1


def _draw_block(axes: "Axes", node: int, alpha: float | None) -> None:
    from matplotlib.patches import FancyBboxPatch

    kept = alpha is not None
    box = FancyBboxPatch(
        (node - 0.82, -0.3),
        0.64,
        0.6,
        boxstyle="round,pad=0,rounding_size=0.06",
        facecolor=BLUE if kept else "none",
        edgecolor=BLUE if kept else "#b9bec7",
        linestyle="-" if kept else (0, (3, 2)),
        linewidth=1.2,
        zorder=3,
    )
    axes.add_patch(box)
    if kept:
        axes.plot([node - 1, node], [0, 0], color=BLUE, linewidth=1.5, zorder=2)
    label = f"G{node}\n{alpha:.2f}" if kept else f"G{node}"
    colour = "white" if kept else "#9aa0aa"
    axes.text(node - 0.5, 0, label, ha="center", va="center", fontsize=8, color=colour, zorder=5)


def _draw_proxy(axes: "Axes", source: int, node: int, alpha: float) -> None:
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    top, middle = _height(node - source), (source + node) / 2
    rise = top * 4 / 3  # a cubic curve with both handles at this height passes through `top`
    handle = 0.18 * (node - source)
    path = Path(
        [(source, 0), (source + handle, rise), (node - handle, rise), (node, 0)],
        [Path.MOVETO, Path.CURVE4, Path.CURVE4, Path.CURVE4],
    )
    width = 0.7 + 3.3 * alpha
    axes.add_patch(PathPatch(path, facecolor="none", edgecolor=ORANGE, linewidth=width, alpha=0.85, zorder=1))
    background = {"facecolor": "white", "edgecolor": "none", "pad": 0.8}
    axes.text(middle, top, f"{alpha:.2f}", ha="center", va="center", fontsize=7, bbox=background, zorder=6)
