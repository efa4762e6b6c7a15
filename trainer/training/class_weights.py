"""What an image of each class counts in training, where some classes have many times the images of others.

Legend: N images, K classes.
"""

import torch
from torch import Tensor

from trainer.intake.statistics import is_even


def class_weights(labels: Tensor, classes: int) -> Tensor | None:
    """Weights (K,) for labels (N,): one over the square root of a class's share, scaled to a mean of 1 over the images;
    None where the classes are even enough. With one over the share itself, a rare class's few images would dominate.
    """
    counts = torch.bincount(labels, minlength=classes).clamp_min(1)
    if is_even(counts.tolist()):
        return None
    weights = counts.double().rsqrt()
    weights = weights / ((weights * counts).sum() / counts.sum())
    return weights.float()
