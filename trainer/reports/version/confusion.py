"""Which classes are confused with which.

Legend: K classes.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainer.reports.version.figures import figure, png, short
from trainer.reports.version.findings import Findings

_NAMED = 30  # classes up to which the axes carry their names
_NUMBERED = 12  # up to which every cell says its count


def counts(findings: Findings) -> NDArray[np.int64]:
    """(K, K): row the true class, column the one that was found."""
    classes = len(findings.classes)
    matrix = np.zeros((classes, classes), np.int64)
    np.add.at(matrix, (findings.labels, findings.found), 1)
    return matrix


@dataclass(frozen=True, kw_only=True)
class Confusion:
    """The network found the class `found` in `count` of the `of` test images of the class `true`."""

    true: str
    found: str
    count: int
    of: int


def worst(findings: Findings, most: int = 12) -> list[Confusion]:
    """The pairs that are confused most often."""
    matrix = counts(findings)
    wrong = matrix.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(wrong, axis=None, kind="stable")[::-1][:most]
    pairs = [divmod(int(place), len(findings.classes)) for place in order]
    return [
        Confusion(true=findings.classes[t], found=findings.classes[f], count=int(wrong[t, f]), of=int(matrix[t].sum()))
        for t, f in pairs
        if wrong[t, f]
    ]


def confusion(findings: Findings) -> bytes:
    """PNG: each row as shares of the true class's images."""
    matrix = counts(findings)
    shares = 100 * matrix / np.maximum(matrix.sum(1, keepdims=True), 1)
    classes = len(findings.classes)
    side = min(9.5, 4.2 + 0.22 * min(classes, _NAMED))
    drawn = figure(side + 0.8, side)
    axes = drawn.subplots()
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=100)
    drawn.colorbar(image, ax=axes, label="% of the true class", shrink=0.75)
    axes.set_xlabel("found")
    axes.set_ylabel("true")
    if classes <= _NAMED:
        names = [short(name) for name in findings.classes]
        axes.set_xticks(range(classes), names, rotation=90, fontsize=8)
        axes.set_yticks(range(classes), names, fontsize=8)
    if classes <= _NUMBERED:
        for row in range(classes):
            for column in range(classes):
                colour = "white" if shares[row, column] > 55 else "#33383f"
                axes.text(column, row, str(matrix[row, column]), ha="center", va="center", fontsize=8, color=colour)
    return png(drawn)
