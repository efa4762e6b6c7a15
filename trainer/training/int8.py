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

_MEASURED = 1024  # images tell a loss of a point from none, as few answers change at all


@dataclass(frozen=True, kw_only=True, eq=False)
class Calibrated:
    """`tensors` are those that a bundle has more; `costs` None where they were not asked for."""

    tensors: Mapping[str, NDArray[np.float32]]
    costs: Int8Costs | None


def calibrated(
    student: Student,
    val: LabelledImages,
    test: LabelledImages,
    preprocessing: Preprocessing,
    answers: Answers,
    *,
    measured: bool = True,
) -> Calibrated:
    """Calibrate a student on validation images, of which there is one at least; if it is to be `measured`, with what
    int8 costs it on up to 1,024 images of either split. `answers` is asked for those of the student and of a copy that
    computes in int8."""
    device = next(student.parameters()).device
    batches = evaluation_batches(val.rows(_some(val, IMAGES)), preprocessing)
    ranges = calibrated_ranges(student.eval(), (images.to(device) for images, _ in batches))
    tensors = range_tensors(ranges)
    if not measured:
        return Calibrated(tensors=tensors, costs=None)
    low = quantised(student, ranges)

    def cost(images: LabelledImages) -> Int8Cost | None:
        if not len(images):
            return None
        rows = _some(images, _MEASURED)
        few = images.rows(rows)
        return _cost(answers(student, images)[rows], answers(low, few), few.labels)

    return Calibrated(tensors=tensors, costs=Int8Costs(validation=cost(val), test=cost(test)))


def images_looked_at(val: int, test: int) -> int:
    """How many images at the most pass through networks for that, of so many in the two splits."""
    return min(val, IMAGES) + val + test + min(val, _MEASURED) + min(test, _MEASURED)


def _some(images: LabelledImages, most: int) -> Tensor:
    """Rows from all over the split."""
    count = min(len(images), most)
    return torch.linspace(0, len(images) - 1, count).long()


def _cost(expected: Tensor, found: Tensor, labels: Tensor) -> Int8Cost:
    right, still_right = (int((answers == labels).sum()) for answers in (expected, found))
    images = len(labels)
    return Int8Cost(images=images, lost=(right - still_right) / images, same=int((expected == found).sum()) / images)
