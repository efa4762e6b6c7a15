"""Who this engine is compared with on a GPU: one whole network a task, an image at a time, in bf16."""

import copy
import importlib
import importlib.util
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.engine.baselines import Contender
from benchmarks.gpu_check.deadline import Deadline
from benchmarks.workloads.resnet34 import BACKBONE
from nettailor.network.backbones import uncut_network

_MOST_MODELS = 64  # in memory at once: more cost an image no more
_COMPILED = 4  # as compiling takes long; their weights together are more than the caches of a GPU hold
_COMPILING_S = 60.0

Model = Callable[[Tensor], Tensor]


def full_models(place: torch.device, side: int, tasks: int, deadline: Deadline, *, compiled: bool) -> list[Contender]:
    """Eager; if asked for, compiled, where that works, and by TensorRT, where it is installed."""
    image = torch.randn(1, 3, side, side, device=place, dtype=torch.bfloat16)
    image = image.contiguous(memory_format=torch.channels_last)
    models = list(_models(place, min(tasks, _MOST_MODELS)))
    found = [_contender("full models", models, image)]
    if not compiled:
        return found
    if place.type != "cuda":
        deadline.leave_out("compiled full models, TensorRT", "only on a GPU")
        return found
    makers = {"compiled full models": _compiled, "full models by TensorRT": _by_tensorrt}
    for name, make in makers.items():
        if name.endswith("TensorRT") and importlib.util.find_spec("torch_tensorrt") is None:
            deadline.leave_out(name, "torch_tensorrt is not installed")
        elif not deadline.is_near(f"{name}, {side} px", 2 * _COMPILING_S):
            found += _tried(name, make, models[:_COMPILED], image, deadline)
    return found


def _tried(
    name: str,
    make: Callable[[nn.Module, Tensor], Model],
    models: Sequence[nn.Module],
    image: Tensor,
    deadline: Deadline,
) -> Iterator[Contender]:
    try:
        contender = _contender(name, [make(model, image) for model in models], image)
        contender.run()
    except Exception as failure:  # whatever another's compiler says: the rest is measured all the same
        deadline.leave_out(f"{name}, {image.shape[-1]} px", repr(failure)[:300])
        return
    yield contender


def _models(place: torch.device, count: int) -> Iterator[nn.Module]:
    network: Any = uncut_network(BACKBONE).eval().to(place, torch.bfloat16)  # torch's stub lacks the memory's format
    first: nn.Module = network.to(memory_format=torch.channels_last)
    yield first
    for _ in range(count - 1):
        yield copy.deepcopy(first)


def _compiled(model: nn.Module, image: Tensor) -> Model:
    """With CUDA graphs, which is what batches of one image want."""
    made: Model = torch.compile(model, mode="reduce-overhead")
    return made


def _by_tensorrt(model: nn.Module, image: Tensor) -> Model:
    tensorrt = importlib.import_module("torch_tensorrt")
    made: Model = tensorrt.compile(model, ir="dynamo", inputs=[image], enabled_precisions={torch.bfloat16})
    return made


def _contender(name: str, models: Sequence[Model], image: Tensor) -> Contender:
    """Each call answers one image by the next model."""
    turns = itertools.cycle(models)

    @torch.inference_mode()
    def run() -> object:
        return next(turns)(image).float().cpu()

    return Contender(name=name, images=1, run=run)
