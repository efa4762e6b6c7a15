"""How much each term of a student's loss weighs."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class LossWeights:
    """Eq. 12 has `gamma1` for the complexity and `gamma2` for the teacher; `distillation` is for the logits' distance
    beside it. Over a share `gamma1_rise` of a training's steps gamma1 rises linearly from 0."""

    gamma1: float
    gamma2: float
    distillation: float
    gamma1_rise: float = 0.0

    def __post_init__(self) -> None:
        if not all(0 <= weight < math.inf for weight in (self.gamma1, self.gamma2, self.distillation)):
            raise ValueError(f"gamma1, gamma2 and distillation are at least 0: {self}")
        if not 0 <= self.gamma1_rise <= 1:
            raise ValueError(f"gamma1_rise is a share, not {self.gamma1_rise}")

    def weighted(self, terms: Mapping[str, Tensor], progress: float) -> Tensor:
        """The loss of `classification`, `complexity`, `teacher` and `distillation` at a progress of 0..1 of the
        training. Terms of no weight may be missing."""
        total = terms["classification"]
        for name, weight in self._at(progress).items():
            if weight:
                total = total + weight * terms[name]
        return total

    def _at(self, progress: float) -> dict[str, float]:
        risen = min(1.0, progress / self.gamma1_rise) if self.gamma1_rise else 1.0
        return {"complexity": risen * self.gamma1, "teacher": self.gamma2, "distillation": self.distillation}
