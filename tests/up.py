"""What a real `nettailor up` of the tests needs, and running one."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from cli.service.local_service import LocalService
from nettailor.network.backbones import build_backbone, canonical_tensors


@contextmanager
def random_backbone(folder: Path) -> Iterator[str]:
    """The fingerprint of a mini26 of random weights, which every service that is started meanwhile holds."""
    torch.manual_seed(0)
    network = build_backbone("mini26")
    weights = folder / "mini26.safetensors"
    save_file(canonical_tensors(network), weights)
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("NETTAILOR_")]:
            patch.delenv(name)
        patch.setenv("NETTAILOR_BACKBONE_WEIGHTS", str(weights))
        patch.setenv("NETTAILOR_JOB_THREADS", "1")
        patch.setenv("NETTAILOR_JOB_NICENESS", "0")  # a yielding process waits for all other tests
        yield network.fingerprint()


@contextmanager
def running(data_dir: Path) -> Iterator[str]:
    """The URL of a service on the folder."""
    up = LocalService(data_dir)
    try:
        yield up.start()
    finally:
        up.stop()
