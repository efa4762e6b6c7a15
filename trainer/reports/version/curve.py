"""Accuracy against complexity of every network that was tried, as the paper's figure 6."""

from collections.abc import Mapping, Sequence
from typing import Any

from nettailor.bundle.manifest import Manifest
from trainer.reports.version.figures import BLUE, GREEN, GREY, ORANGE, RED, figure, plain, png


def curve(pareto_front: Sequence[Mapping[str, Any]], manifest: Manifest) -> bytes:
    """PNG. What a network needs is a share of the whole backbone's MACs, what the task adds included."""
    drawn = figure(8.2, 4.4)
    axes = drawn.subplots()
    plain(axes)
    points = sorted(((_needed(row), 100 * row["accuracy"], row) for row in pareto_front), key=lambda point: point[0])
    best = [p for p in points if p[2].get("pareto", True)]
    axes.plot([x for x, _, _ in best], [y for _, y, _ in best], color=BLUE, linewidth=1.2, alpha=0.5)
    axes.plot([x for x, _, _ in points], [y for _, y, _ in points], "o", color=BLUE, label="validation")
    tested = [(x, 100 * row["test_accuracy"]) for x, _, row in points if row.get("test_accuracy") is not None]
    if tested:
        axes.plot(*zip(*tested, strict=True), "s", color=ORANGE, markersize=4.5, label="test")
    for x, y, row in points:
        axes.annotate(f"−{row['k']}", (x, y), (-11, 7), textcoords="offset points", ha="center", fontsize=8)
        if row["chosen"]:
            axes.plot(x, y, "o", markersize=14, markerfacecolor="none", markeredgecolor=GREEN, label="chosen")
    teacher = manifest.metrics.teacher.validation
    if teacher is not None:
        axes.axhline(100 * teacher, color=GREY, linewidth=1.2, label="teacher, validation")
        target = 100 * (teacher - manifest.recipe.get("target_drop", 0.0))
        axes.axhline(target, color=RED, linewidth=1, linestyle="--", label="target")
    axes.margins(0.06, 0.15)
    axes.set_xlabel("MACs needed, % of the backbone's (−k: blocks removed)")
    axes.set_ylabel("accuracy, %")
    axes.legend(fontsize=8, frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return png(drawn)


def _needed(row: Mapping[str, Any]) -> float:
    return 100 * (1 - float(row["macs_removed"]))
