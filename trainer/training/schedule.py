"""How long a run of training is, in how large steps, and how fast it learns when."""

import math
from dataclasses import dataclass, replace

_STEPS = 16  # in an epoch at least, where a step could be larger
_PIXELS = 32 * 224**2  # of images in a step larger than `batch_size`: what a network keeps of them is in memory


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """One cycle: linear warm-up, then a half cosine to zero. SGD with Nesterov momentum 0.9; where there is a
    `matrix_lr`, Muon for the matrices of proxies and adapters and Adam for the rest.

    A small dataset takes more than `epochs`, a large one fewer, so that the images seen lie within the two bounds, an
    image counted as often as it is seen. A step takes more images than `batch_size` where there are many small ones.
    """

    epochs: int
    min_images: int = 0
    max_images: int = 32_000_000
    lr: float  # peak
    batch_size: int = 32  # images a step
    max_batch_size: int = 0  # up to which a step may be doubled; 0: never
    weight_decay: float = 5e-4
    warmup: float = 0.1  # share of the steps
    clip: float | None = None  # largest norm of the whole gradient
    alpha_lr: float = 1.0  # factor on the learning rate of alphas, which have no weight decay
    statistics_lr: float = 0.1  # factor on the learning rate of the kept blocks' statistics, where they are learned
    matrix_lr: float | None = None  # peak of Muon's, whose steps have that spectral norm; for scores of masks of Adam's

    def __post_init__(self) -> None:
        rates = self.lr > 0 and (self.matrix_lr or 1) > 0
        if self.epochs < 1 or not rates or self.batch_size < 1 or not 0 <= self.warmup < 1:
            raise ValueError(f"unusable schedule {self}")

    def fitted(self, images: int, side: int) -> "Schedule":
        """The schedule with the epochs and the step that a training split of so many images of `side` pixels takes."""
        return replace(self, epochs=self.epochs_of(images), batch_size=self._step(images, side))

    def epochs_of(self, images: int) -> int:
        """How often a training split of so many images is seen; 3 times at least, or as often as `epochs` says."""
        return min(max(self.epochs, -(-self.min_images // images)), max(3, self.max_images // images))

    def _step(self, images: int, side: int) -> int:
        size = self.batch_size
        while 2 * size <= min(self.max_batch_size, images // _STEPS, _PIXELS // side**2):
            size *= 2
        return size

    def factor(self, progress: float) -> float:
        """Share of the peak learning rate at `progress` 0..1 of all steps."""
        if progress < self.warmup:
            return 0.05 + 0.95 * progress / self.warmup
        return 0.5 * (1 + math.cos(math.pi * (progress - self.warmup) / (1 - self.warmup)))
