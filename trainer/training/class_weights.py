"""What an image of each class counts in training, where some classes have many times the images of others.

Legend: N images, K classes.
"""

import torch
from torch import Tensor

from trainer.intake.statistics import is_even


def class_weights(labels: Tensor, classes: int) -> Tensor | None:
    """(K,) weights for labels (N,), one over the square root of a class's share and 1 in the mean over the images;
    None where the classes are even enough. The whole inverse would let the few images of a rare class rule."""
    counts = torch.bincount(labels, minlength=classes).clamp_min(1)
    if is_even(counts.tolist()):
        return None
    weights = counts.double().rsqrt()
    weights = weights / ((weights * counts).sum() / counts.sum())
    return weights.float()
