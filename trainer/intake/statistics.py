"""What the images of a data set are like: sizes, formats, kinds of pixels."""

import statistics
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

from trainer.intake.scanning.scan import Scan


@dataclass(frozen=True, kw_only=True)
class Extent:
    """Of one side, in pixels, over all images."""

    least: int
    median: int
    most: int


@dataclass(frozen=True, kw_only=True)
class DatasetStatistics:
    """`formats` and `modes` count images by suffix and by Pillow's word for their pixels, the most frequent first;
    `duplicates` counts files that show what another file shows."""

    formats: dict[str, int]
    modes: dict[str, int]
    widths: Extent
    heights: Extent
    duplicates: int


EVEN = 5.0  # times as many images in the largest class as in the smallest, up to which training does nothing about it


def imbalance(counts: Collection[int]) -> float:
    """Images of the largest class over those of the smallest."""
    return max(counts) / max(1, min(counts))


def is_even(counts: Collection[int]) -> bool:
    return imbalance(counts) <= EVEN


def dataset_statistics(scan: Scan, kept: Collection[str]) -> DatasetStatistics:
    """Of the images with these digests, of which there is one at least."""
    images = [scan.spooled[digest] for digest in kept]
    return DatasetStatistics(
        formats=dict(Counter(image.suffix for image in images).most_common()),
        modes=dict(Counter(image.mode for image in images).most_common()),
        widths=_extent([image.size[0] for image in images]),
        heights=_extent([image.size[1] for image in images]),
        duplicates=scan.duplicates,
    )


def _extent(sides: list[int]) -> Extent:
    return Extent(least=min(sides), median=round(statistics.median(sides)), most=max(sides))
