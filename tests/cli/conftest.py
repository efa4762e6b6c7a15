import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from cli.service.local_service import LocalService
from nettailor.network.backbones import build_backbone, canonical_tensors
from tests.cli.publishing import publish


@pytest.fixture(scope="session")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The fingerprint of a mini26 of random weights, which every service of these tests holds."""
    torch.manual_seed(0)
    network = build_backbone("mini26")
    weights = tmp_path_factory.mktemp("weights") / "mini26.safetensors"
    save_file(canonical_tensors(network), weights)
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("NETTAILOR_")]:
            patch.delenv(name)
        patch.setenv("NETTAILOR_BACKBONE_WEIGHTS", str(weights))
        patch.setenv("NETTAILOR_JOB_THREADS", "1")
        yield network.fingerprint()


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory, backbone: str) -> Path:
    """The data folder of a service with one live task, `signs`."""
    folder = tmp_path_factory.mktemp("data")
    publish(folder, "signs", backbone)
    return folder


@pytest.fixture(scope="session")
def service(data_dir: Path) -> Iterator[str]:
    """The URL of a real `nettailor up` on `data_dir`."""
    up = LocalService(data_dir)
    try:
        yield up.start()
    finally:
        up.stop()
