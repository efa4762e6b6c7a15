"""Calibration: whether the network is right as often as its confidence says."""

import numpy as np

from trainer.reports.version.figures import BLUE, figure, plain, png
from trainer.reports.version.findings import Findings


def bins(findings: Findings, count: int = 10) -> tuple[list[tuple[float, float, int]], float]:
    """(mean confidence, accuracy, images) of each bin that has images, and the expected calibration error (0..1)."""
    rows = []
    place = np.minimum((findings.confidence * count).astype(int), count - 1)
    for index in range(count):
        inside = place == index
        if inside.any():
            confidence, right = findings.confidence[inside].mean(), findings.right[inside].mean()
            rows.append((float(confidence), float(right), int(inside.sum())))
    error = sum(abs(confidence - right) * images for confidence, right, images in rows)
    return rows, error / max(1, len(findings.labels))


def calibration(findings: Findings) -> bytes:
    """PNG: how often the network is right, by how sure it is; below, how many images there are of each."""
    rows, error = bins(findings)
    drawn = figure(5.6, 5.0)
    above, below = drawn.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    plain(above)
    plain(below)
    above.plot([0, 100], [0, 100], color="#b9bec7", linewidth=1)
    above.plot([100 * c for c, _, _ in rows], [100 * r for _, r, _ in rows], "o-", color=BLUE)
    above.set_title(f"expected calibration error {100 * error:.1f} points", fontsize=10)
    above.set_ylabel("right, %")
    below.bar([100 * c for c, _, _ in rows], [images for _, _, images in rows], width=6, color=BLUE)
    below.set_ylabel("images")
    below.set_xlabel("confidence, %")
    return png(drawn)
