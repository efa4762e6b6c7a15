"""CUDA graphs as recordings of `server.kernels.graph_cache`."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from server.kernels.graph_cache import Work

_WARM_UPS = 2  # runs before the recording: libraries choose kernels, and take memory for good, when first used


@dataclass(frozen=True, kw_only=True, eq=False)
class CudaRecording:
    graph: "torch.cuda.CUDAGraph"
    output: Tensor

    def replay(self) -> None:
        self.graph.replay()


class CudaRecorder:
    """All recordings share one pool of memory, which is right as they are never replayed side by side, and as each
    keeps its output: only what a recording is done with is another's to use."""

    def __init__(self, place: torch.device) -> None:
        self._stream = torch.cuda.Stream(place)
        self._pool = torch.cuda.graph_pool_handle()

    def __call__(self, work: Work, inputs: Sequence[Tensor]) -> CudaRecording:
        current = torch.cuda.current_stream(self._stream.device)
        self._stream.wait_stream(current)
        with torch.cuda.stream(self._stream):
            for _ in range(_WARM_UPS):
                work(*inputs)
        current.wait_stream(self._stream)
        graph = torch.cuda.CUDAGraph()
        # Other threads load bundles meanwhile, which is none of the recording's business.
        with torch.cuda.graph(graph, pool=self._pool, stream=self._stream, capture_error_mode="thread_local"):
            output = work(*inputs)
        return CudaRecording(graph=graph, output=output)
