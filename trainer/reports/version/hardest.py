"""The test images the network is most wrong about."""

import numpy as np
import torch
from numpy.typing import NDArray

from trainer.reports.version.figures import figure, png, short
from trainer.reports.version.findings import Findings
from trainer.training.images import LabelledImages

_COLUMNS, _ROWS = 6, 3


def hardest_rows(findings: Findings, most: int = _COLUMNS * _ROWS) -> NDArray[np.int64]:
    """Test images with the least probability for their true class, least first."""
    true = findings.probabilities[np.arange(len(findings.labels)), findings.labels]
    rows: NDArray[np.int64] = np.argsort(true, kind="stable")[:most]
    return rows


def hardest(findings: Findings, test: LabelledImages) -> bytes:
    """PNG: thumbnails with the true class above and the found one with its probability below."""
    rows = hardest_rows(findings)
    lines = max(1, -(-len(rows) // _COLUMNS))
    drawn = figure(10.5, 2.25 * lines)
    for place, (row, pixels) in enumerate(zip(rows, test.exact(torch.from_numpy(rows)), strict=True)):
        axes = drawn.add_subplot(lines, _COLUMNS, place + 1)
        axes.imshow(pixels.permute(1, 2, 0).numpy())
        axes.set_xticks([])
        axes.set_yticks([])
        found, right = findings.found[row], findings.right[row]
        colour = "#2e8b57" if right else "#c23b3b"
        axes.set_title(short(findings.classes[findings.labels[row]], 20), fontsize=8)
        text = f"{short(findings.classes[found], 16)} {100 * findings.confidence[row]:.0f}%"
        axes.set_xlabel(text, fontsize=8, color=colour)
    return png(drawn)
