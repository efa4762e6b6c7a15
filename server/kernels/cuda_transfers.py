"""Copies between host and GPU, each kind on a stream of its own, so that they run beside the work of other batches."""

from collections.abc import Callable

import torch
from torch import Tensor


class CudaTransfers:
    """Bundles and the backbone go up on one stream, batches on another, answers come down on a third: neither waits for
    another, nor for a batch that is computed.

    Memory of `put` belongs to the stream of bundles and may be reused by it once the tensors are dropped. That is safe
    because a batch holds its adapters until its answers have been fetched.
    """

    def __init__(self, place: torch.device) -> None:
        self._place = place
        self._bundles, self._batches, self._answers = (torch.cuda.Stream(place) for _ in range(3))

    def put(self, host: Tensor) -> Tensor:
        """A copy on the device; it is complete when this returns. May be called from any thread."""
        pinned = host.pin_memory()
        with torch.cuda.stream(self._bundles):
            tensor = pinned.to(self._place, non_blocking=True)
            self._wait_for(self._bundles)
        return tensor

    def fill(self, target: Tensor, host: Tensor) -> None:
        """As `put`, into memory of which no work under way uses anything."""
        pinned = host.pin_memory()
        with torch.cuda.stream(self._bundles):
            target.copy_(pinned, non_blocking=True)
            self._wait_for(self._bundles)

    def put_next(self, host: Tensor) -> Tensor:
        """A copy on the device for work that the calling thread queues next."""
        pinned = host.pin_memory()
        with torch.cuda.stream(self._batches):
            tensor = pinned.to(self._place, non_blocking=True)
        current = torch.cuda.current_stream(self._place)
        current.wait_stream(self._batches)
        tensor.record_stream(current)
        return tensor

    def fetch_later(self, tensor: Tensor) -> Callable[[], Tensor]:
        """What waits for a copy on the host of what the calling thread's work, as queued until now, makes of it."""
        self._answers.wait_stream(torch.cuda.current_stream(self._place))
        with torch.cuda.stream(self._answers):
            host = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True)
            host.copy_(tensor, non_blocking=True)
            tensor.record_stream(self._answers)
            arrived = torch.cuda.Event()
            arrived.record(self._answers)

        def waited() -> Tensor:
            arrived.synchronize()
            return host

        return waited

    def _wait_for(self, stream: "torch.cuda.Stream") -> None:
        done = torch.cuda.Event()
        done.record(stream)
        done.synchronize()
