"""The knobs of a pretraining run."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class PretrainConfig:
    """The defaults made the shipped `mini26`."""

    backbone: str = "mini26"
    minutes: float = 85.0  # training time, not counting evaluation; the shipped run's first cycle
    epochs: int | None = None  # the cycle's length instead of `minutes`, whatever time that takes
    batch_size: int = 128
    lr: float = 0.15  # peak, for SGD with Nesterov momentum 0.9
    weight_decay: float = 5e-4
    label_smoothing: float = 0.1
    smallest_crop: int = 40  # px of the stored side; crops are square and as large as 64
    jitter: float = 0.25  # brightness and contrast, each times 1 +- jitter
    saturation: float = 0.0  # colours' distance from grey, times 1 +- saturation
    grey: float = 0.0  # share of the images without colours
    ema_decay: float = 0.999
    seed: int = 0
    prune: float | None = None  # share of the blocks' weights that are set to 0, and stay so
    start: Path | None = None  # weights of the backbone at the first step; without them it starts at random
