"""torch's own formats: TorchScript, and the exported program that torch recommends in its place."""

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from server.export.metadata import ENTRY, as_json
from server.export.network import PrunedNetwork

_EXAMPLE = 2  # images: with one, the batch would be taken for fixed


def write_torchscript(network: PrunedNetwork, path: Path, *, side: int, metadata: Mapping[str, str]) -> None:
    with torch.no_grad(), _deprecated():
        traced: Any = torch.jit.trace(network, _pixels(side))
        torch.jit.save(torch.jit.freeze(traced), path, _extra_files={ENTRY: as_json(metadata)})


def run_torchscript(path: Path, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Logits (N, K) of pixels (N, S, S, 3)."""
    with torch.no_grad(), _deprecated():
        return _array(torch.jit.load(path)(torch.from_numpy(pixels)))


def write_pt2(network: PrunedNetwork, path: Path, *, side: int, metadata: Mapping[str, str]) -> None:
    shapes = ({0: torch.export.Dim("batch", min=1)},)
    with torch.no_grad():
        program = torch.export.export(network, (_pixels(side),), dynamic_shapes=shapes)
    torch.export.save(program, path, extra_files={ENTRY: as_json(metadata)})


def run_pt2(path: Path, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """As `run_torchscript`."""
    with torch.no_grad():
        return _array(torch.export.load(path).module()(torch.from_numpy(pixels)))


def _pixels(side: int) -> torch.Tensor:
    return torch.zeros(_EXAMPLE, side, side, 3, dtype=torch.uint8)


def _array(logits: torch.Tensor) -> NDArray[np.float32]:
    array: NDArray[np.float32] = logits.numpy()
    return array


@contextmanager
def _deprecated() -> Iterator[None]:
    """torch 2.11 deprecated TorchScript and still writes it; whoever asks for it has a reason."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"`torch\.jit\.\w+` is (deprecated|not supported)")
        yield
