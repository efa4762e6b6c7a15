"""How long a run of training is, and how fast it learns when."""

import math
from dataclasses import dataclass, replace


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """One cycle: linear warm-up, then a half cosine to zero. SGD with Nesterov momentum 0.9; where there is a
    `matrix_lr`, Muon for the proxies' matrices and Adam for the rest.

    A small dataset takes more than `epochs`, a large one fewer, so that the steps lie within the two bounds.
    """

    epochs: int
    min_steps: int = 0
    max_steps: int = 1_000_000
    lr: float  # peak
    batch_size: int = 32  # images a step
    weight_decay: float = 5e-4
    warmup: float = 0.1  # share of the steps
    clip: float | None = None  # largest norm of the whole gradient
    alpha_lr: float = 1.0  # factor on the learning rate of alphas, which have no weight decay
    statistics_lr: float = 0.1  # factor on the learning rate of the kept blocks' statistics, where they are learned
    matrix_lr: float | None = None  # peak of Muon's, whose steps have that spectral norm

    def __post_init__(self) -> None:
        rates = self.lr > 0 and (self.matrix_lr or 1) > 0
        if self.epochs < 1 or not rates or self.batch_size < 1 or not 0 <= self.warmup < 1:
            raise ValueError(f"unusable schedule {self}")

    def fitted(self, images: int) -> "Schedule":
        """The schedule with the epochs that a training split of so many images takes (3 at least)."""
        steps = max(1, images // self.batch_size)
        epochs = min(max(self.epochs, -(-self.min_steps // steps)), max(3, self.max_steps // steps))
        return replace(self, epochs=epochs)

    def factor(self, progress: float) -> float:
        """Share of the peak learning rate at `progress` 0..1 of all steps."""
        if progress < self.warmup:
            return 0.05 + 0.95 * progress / self.warmup
        return 0.5 * (1 + math.cos(math.pi * (progress - self.warmup) / (1 - self.warmup)))
