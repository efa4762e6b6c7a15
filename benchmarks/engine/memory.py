"""What a task adds to the resident set of a serving process, in `benchmarks.engine`."""

import gc
import multiprocessing
import os
from pathlib import Path

import torch

from benchmarks.workloads.resnet34 import BACKBONE, random_resnet34, tailored_bundles
from nettailor.network.backbones import uncut_network
from server.engine.engine import Engine
from server.kernels.device import open_device


def task_bytes_share(device: str, tasks: int, side: int) -> float:
    """Bytes that each of `tasks` added tasks costs over the bytes of a full model: of the resident set on CPU, of the
    device's memory on CUDA; in a fresh process."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        added: int = pool.apply(_added_bytes, (device, tasks, side))
    full: int = sum(t.numel() * t.element_size() for t in uncut_network(BACKBONE).state_dict().values())
    return added / tasks / full


def _added_bytes(device: str, tasks: int, side: int) -> int:
    measure = torch.cuda.memory_allocated if device == "cuda" else _resident_bytes
    backbone = random_resnet34()
    engine = Engine(backbone, open_device(device))
    fingerprint = backbone.fingerprint()
    resident = [engine.pack(tailored_bundles(1, side, fingerprint=fingerprint)[0])]  # caches fill at first use
    before = measure()
    for seed in range(1, tasks + 1):
        [bundle] = tailored_bundles(1, side, seed, fingerprint=fingerprint)
        resident.append(engine.pack(bundle))
        del bundle
    return measure() - before


def _resident_bytes() -> int:
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
