"""A linear classifier on the frozen backbone's features: where fine-tuning starts, and a yardstick of its own.

Legend: N images, C features, K classes.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from trainer.training.optimizers.uncompiled import LBFGS

# Weights of the squared coefficients, for features of unit variance and the mean loss of an image; strongest first.
PENALTIES = (0.1, 0.01, 0.001)
_ITERATIONS = 100  # of L-BFGS


def fit_linear_probe(features: Tensor, labels: Tensor, classes: int, *, penalty: float) -> nn.Linear:
    """Multinomial logistic regression on features (N, C) with labels (N,); the same data give the same bits.

    Classes are not weighted, whatever fine-tuning does afterwards (docs/log.md)."""
    mean, deviation = features.mean(0), features.std(0, correction=0) + 1e-6
    standardised = (features - mean) / deviation
    weight = torch.zeros(classes, features.shape[1], requires_grad=True)
    bias = torch.zeros(classes, requires_grad=True)
    optimizer = LBFGS([weight, bias], max_iter=_ITERATIONS, line_search_fn="strong_wolfe")

    def loss() -> float:
        optimizer.zero_grad()
        errors = F.cross_entropy(F.linear(standardised, weight, bias), labels)
        value = errors + penalty / 2 * weight.square().sum()
        value.backward()
        return float(value.detach())

    optimizer.step(loss)
    return _on_raw_features(weight.detach(), bias.detach(), mean, deviation)


def _on_raw_features(weight: Tensor, bias: Tensor, mean: Tensor, deviation: Tensor) -> nn.Linear:
    """The classifier of features that are not standardised."""
    head = nn.Linear(weight.shape[1], weight.shape[0])
    scaled = weight / deviation
    with torch.no_grad():
        head.weight.copy_(scaled)
        head.bias.copy_(bias - scaled @ mean)
    return head.requires_grad_(False)
