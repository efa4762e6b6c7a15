"""torch's own formats: TorchScript, and the exported program that torch recommends in its place."""

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from server.export.batches import Logits, Pixels, in_batches
from server.export.metadata import ENTRY, as_json
from server.export.network import PrunedNetwork

_EXAMPLE = 2  # images: with one, the batch would be taken for fixed


def write_torchscript(network: PrunedNetwork, path: Path, *, side: int, metadata: Mapping[str, str]) -> None:
    with torch.no_grad(), _deprecated():
        traced: Any = torch.jit.trace(network, _pixels(side))
        torch.jit.save(torch.jit.freeze(traced), path, _extra_files={ENTRY: as_json(metadata)})


def run_torchscript(path: Path, pixels: Pixels) -> Logits:
    """Logits (N, K) of pixels (N, S, S, 3)."""
    with torch.no_grad(), _deprecated():
        return in_batches(_over_arrays(torch.jit.load(path)), pixels)


def write_pt2(network: PrunedNetwork, path: Path, *, side: int, metadata: Mapping[str, str]) -> None:
    shapes = ({0: torch.export.Dim("batch", min=1)},)
    with torch.no_grad():
        program = torch.export.export(network, (_pixels(side),), dynamic_shapes=shapes)
    torch.export.save(program, path, extra_files={ENTRY: as_json(metadata)})


def run_pt2(path: Path, pixels: Pixels) -> Logits:
    """As `run_torchscript`."""
    with torch.no_grad():
        return in_batches(_over_arrays(torch.export.load(path).module()), pixels)


def _pixels(side: int) -> torch.Tensor:
    return torch.zeros(_EXAMPLE, side, side, 3, dtype=torch.uint8)


def _over_arrays(network: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[Pixels], Logits]:
    def run(pixels: Pixels) -> Logits:
        logits: Logits = network(torch.from_numpy(pixels)).numpy()
        return logits

    return run


@contextmanager
def _deprecated() -> Iterator[None]:
    """torch 2.11 deprecated TorchScript and still writes it; whoever asks for it has a reason."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"`torch\.jit\.\w+` is (deprecated|not supported)")
        yield
