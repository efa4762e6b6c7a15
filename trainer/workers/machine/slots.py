"""Which devices this machine's workers train on, and what each of them gets of the machine."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from trainer.errors import WorkerDevicesInvalid

AUTO, CPU = "auto", "cpu"
_GPU = re.compile(r"cuda:(\d{1,3})")
_VISIBLE = "CUDA_VISIBLE_DEVICES"


@dataclass(frozen=True, kw_only=True)
class Slot:
    """One worker: where its jobs run, and the CPU threads of each (None means torch's own choice)."""

    device: str
    threads: int | None

    def environment(self, ours: Mapping[str, str]) -> dict[str, str]:
        """The variables that this worker needs besides `ours`: its job processes see no other device."""
        changes = {_VISIBLE: _visible(self.device, ours.get(_VISIBLE))}
        if self.threads is not None:
            changes |= {"NETTAILOR_JOB_THREADS": str(self.threads), "OMP_NUM_THREADS": str(self.threads)}
        return changes


def slots(devices: str, *, jobs_per_device: int, job_threads: int | None) -> list[Slot]:
    """A slot for each worker. `devices` is `auto` (every GPU, else the CPU) or names them: `cpu`, `cuda:0,cuda:1`.

    The machine's cores are divided among the slots, unless `job_threads` says how many a job takes; one slot alone has
    all. Raises WorkerDevicesInvalid.
    """
    names = _present() if devices.strip() == AUTO else _named(devices)
    places = [name for name in names for _ in range(jobs_per_device)]
    threads = job_threads
    if threads is None and len(places) > 1:
        threads = max(1, _cores() // len(places))
    return [Slot(device=place, threads=threads) for place in places]


def _named(devices: str) -> list[str]:
    names = [name.strip() for name in devices.split(",")]
    for name in names:
        if name != CPU and not _GPU.fullmatch(name):
            raise WorkerDevicesInvalid(devices, f"{name!r} is none of cpu, cuda:0, cuda:1, ...")
    if len(set(names)) != len(names):
        raise WorkerDevicesInvalid(devices, "a device is named twice; NETTAILOR_WORKER_JOBS_PER_DEVICE is for that")
    return names


def _present() -> list[str]:
    if not any(Path("/dev").glob("nvidia[0-9]*")) and not Path("/dev/dxg").exists():
        return [CPU]
    import torch  # seconds: only where there may be a GPU

    return [f"cuda:{index}" for index in range(torch.cuda.device_count())] or [CPU]


def _cores() -> int:
    """CPU cores that this process may use; where the system does not say, those of the machine."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _visible(device: str, ours: str | None) -> str:
    """CUDA_VISIBLE_DEVICES for a device; `ours` is its value here, and the device's number counts within that."""
    if device == CPU:
        return ""
    index = device.partition(":")[2]
    if not ours:
        return index
    among = [name.strip() for name in ours.split(",")]
    if int(index) >= len(among):
        raise WorkerDevicesInvalid(device, f"{_VISIBLE} shows only {len(among)} device(s)")
    return among[int(index)]
