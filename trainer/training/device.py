"""Where training computes."""

import os

import torch


def training_device() -> torch.device:
    """The process's own GPU (by torchrun's LOCAL_RANK where there are several), else the CPU."""
    if not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")) % torch.cuda.device_count())
