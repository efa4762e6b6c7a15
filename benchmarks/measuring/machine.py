"""What a figure was measured on."""

import os
import platform
from pathlib import Path
from typing import Any

import torch

from nettailor.cpu import bf16_pays


def describe() -> dict[str, Any]:
    """Processor, cores this process may use, whether its bf16 convolutions are faster than fp32, torch, and the GPU."""
    described: dict[str, Any] = {
        "cpu": _cpu_model(),
        "cores": len(os.sched_getaffinity(0)),
        "bf16_pays": bf16_pays(),
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
    }
    if torch.cuda.is_available():
        described["gpu"] = torch.cuda.get_device_name()
    return described


def _cpu_model() -> str:
    """The kernel's words for it; hypervisors often hide the exact model, so family and model number follow."""
    path = Path("/proc/cpuinfo")
    if not path.exists():
        return platform.processor()
    fields = dict(line.split(":", 1) for line in path.read_text().split("\n\n")[0].splitlines() if ":" in line)
    facts = {key.strip(): value.strip() for key, value in fields.items()}
    return f"{facts.get('model name', '?')}, family {facts.get('cpu family', '?')} model {facts.get('model', '?')}"
