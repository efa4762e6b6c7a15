"""Int8 for a trained network: the ranges of its activations, and what rounded numbers cost its accuracy.

Legend: N images.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nettailor.bundle.manifest import Int8Cost, Int8Costs
from nettailor.bundle.preprocessing import Preprocessing
from nettailor.network.int8.calibration import IMAGES, calibrated_ranges, range_tensors
from nettailor.network.int8.quantised import quantised
from nettailor.network.student import Student
from trainer.training.data import evaluation_batches
from trainer.training.images import LabelledImages

# The top-1 of each image, int64 (N,) on the CPU.
Answers = Callable[[Student, LabelledImages], Tensor]


@dataclass(frozen=True, kw_only=True, eq=False)
class Calibrated:
    """`tensors` are those that a bundle has more."""

    tensors: Mapping[str, NDArray[np.float32]]
    costs: Int8Costs


def calibrated(
    student: Student, val: LabelledImages, test: LabelledImages, preprocessing: Preprocessing, answers: Answers
) -> Calibrated:
    """Calibrate a student on validation images, of which there is one at least, and measure what int8 costs it on those
    and on test images. `answers` is asked for those of the student and of a copy that computes in int8."""
    device = next(student.parameters()).device
    batches = evaluation_batches(_some(val), preprocessing)
    ranges = calibrated_ranges(student.eval(), (images.to(device) for images, _ in batches))
    low = quantised(student, ranges)

    def cost(images: LabelledImages) -> Int8Cost | None:
        return _cost(answers(student, images), answers(low, images), images.labels) if len(images) else None

    return Calibrated(tensors=range_tensors(ranges), costs=Int8Costs(validation=cost(val), test=cost(test)))


def images_looked_at(val: int, test: int) -> int:
    """How many images pass through networks for that, of so many in the two splits."""
    return min(val, IMAGES) + 2 * (val + test)


def _some(images: LabelledImages) -> LabelledImages:
    """As many as calibration needs, from all over the split."""
    count = min(len(images), IMAGES)
    return images.rows(torch.linspace(0, len(images) - 1, count).long())


def _cost(expected: Tensor, found: Tensor, labels: Tensor) -> Int8Cost:
    right, still_right = (int((answers == labels).sum()) for answers in (expected, found))
    images = len(labels)
    return Int8Cost(images=images, lost=(right - still_right) / images, same=int((expected == found).sum()) / images)
