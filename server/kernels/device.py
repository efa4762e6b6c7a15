"""The one seam between the engine and the machine it runs on."""

import logging
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from server.errors import Int8Unavailable
from server.kernels.autotune import TunedKernel, Tuner
from server.kernels.batch_layout import BatchLayoutKernel, layouts_vary
from server.kernels.convolution import Kernel, OneDnnKernel, PlainKernel
from server.kernels.cuda_transfers import CudaTransfers
from server.kernels.grouping import Grouping, Recorded, cuda_grouping
from server.kernels.int8 import why_not
from server.kernels.thread_lanes import ThreadLanes

logger = logging.getLogger(__name__)

Fetch = Callable[[], list[NDArray[np.float32]]]

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


class Device(Protocol):
    name: str
    place: torch.device
    dtype: torch.dtype  # of weights and activations
    int8: bool  # shared convolutions and proxies in 8 bits, for bundles with activation ranges
    is_host: bool  # its memory is the host's
    lanes: ThreadLanes  # that a batch is cut into
    grouping: Grouping | None  # how it multiplies many tasks at once; None: one task after another

    def put(self, array: NDArray[np.float32]) -> Tensor:
        """A tensor of `dtype` on the device; it is complete when this returns. May be called from any thread."""

    def put_bytes(self, array: NDArray[np.uint8]) -> Tensor:
        """As `put`, of bytes that stay bytes."""

    def fill(self, target: Tensor, array: NDArray[np.float32]) -> None:
        """As `put`, into memory that there is already and that no work under way uses."""

    def pack(self, weight: NDArray[np.float32], *, stride: int, padding: int) -> Kernel:
        """A convolution with weights (C_out, C_in, k, k), ready to run."""

    def put_images(self, images: NDArray[np.uint8]) -> Tensor:
        """uint8 on the device, for work that the calling thread queues next."""

    def fetch_later(self, tensors: Sequence[Tensor]) -> Fetch:
        """What gives results as arrays, once all that the calling thread has queued until now is done. What it queues
        from now on may run before."""

    def fetch(self, tensors: Sequence[Tensor]) -> list[NDArray[np.float32]]:
        """`fetch_later`, and waiting for it."""


def put_next(device: Device, numbers: NDArray[Any]) -> Tensor:
    """Numbers of any kind on the device, for work that the calling thread queues next; nobody waits."""
    kind = torch.from_numpy(numbers[:0]).dtype
    flat = np.ascontiguousarray(numbers).reshape(-1).view(np.uint8)
    return device.put_images(flat).view(kind).view(numbers.shape)


class CpuDevice:
    name = "cpu"
    is_host = True

    def __init__(
        self,
        dtype: torch.dtype = torch.float32,
        lanes: ThreadLanes | None = None,
        *,
        winograd: bool = True,
        int8: bool = False,
        grouping: Grouping | None = None,
    ) -> None:
        self.place = torch.device("cpu")
        self.dtype = dtype
        self.int8 = int8
        self.lanes = lanes or ThreadLanes.on_all_cores()
        self.grouping = grouping
        self._tuner = Tuner(self.lanes) if winograd and dtype == torch.float32 else None

    def put(self, array: NDArray[np.float32]) -> Tensor:
        return torch.from_numpy(array).to(self.dtype)

    def put_bytes(self, array: NDArray[np.uint8]) -> Tensor:
        return torch.from_numpy(array)

    def fill(self, target: Tensor, array: NDArray[np.float32]) -> None:
        target.copy_(torch.from_numpy(array))

    def pack(self, weight: NDArray[np.float32], *, stride: int, padding: int) -> Kernel:
        placed = self.put(weight)
        if not OneDnnKernel.available(self.dtype):
            placed = placed.contiguous(memory_format=torch.channels_last)
            return PlainKernel(weight=placed, stride=stride, padding=padding)
        if layouts_vary():
            return BatchLayoutKernel(placed, stride=stride, padding=padding)
        kernel = OneDnnKernel(placed, stride=stride, padding=padding)
        if self._tuner is not None and (*weight.shape[2:], stride, padding) == (3, 3, 1, 1):
            return TunedKernel(kernel, self._tuner)
        return kernel

    def put_images(self, images: NDArray[np.uint8]) -> Tensor:
        return torch.from_numpy(images)

    def fetch_later(self, tensors: Sequence[Tensor]) -> Fetch:
        arrays = self.fetch(tensors)
        return lambda: arrays

    def fetch(self, tensors: Sequence[Tensor]) -> list[NDArray[np.float32]]:
        return [tensor.float().numpy() for tensor in tensors]


class CudaDevice:
    """Bundles in `slots` are multiplied by one product where PyTorch has a kernel for it, which `recorded` says what is
    recorded of."""

    name = "cuda"
    is_host = False
    int8 = False

    def __init__(self, dtype: torch.dtype = torch.bfloat16, *, slots: int = 0, recorded: Recorded = "pass") -> None:
        self.dtype = dtype
        self.lanes = ThreadLanes()
        self.place = torch.device("cuda", torch.cuda.current_device())
        self.grouping = cuda_grouping(self.place, dtype, slots=slots, recorded=recorded)
        self._transfers = CudaTransfers(self.place)

    def put(self, array: NDArray[np.float32]) -> Tensor:
        return self._transfers.put(torch.from_numpy(array).to(self.dtype))

    def put_bytes(self, array: NDArray[np.uint8]) -> Tensor:
        return self._transfers.put(torch.from_numpy(array))

    def fill(self, target: Tensor, array: NDArray[np.float32]) -> None:
        self._transfers.fill(target, torch.from_numpy(array).to(self.dtype))

    def pack(self, weight: NDArray[np.float32], *, stride: int, padding: int) -> Kernel:
        placed = self.put(weight).contiguous(memory_format=torch.channels_last)
        return PlainKernel(weight=placed, stride=stride, padding=padding)

    def put_images(self, images: NDArray[np.uint8]) -> Tensor:
        return self._transfers.put_next(torch.from_numpy(images))

    def fetch_later(self, tensors: Sequence[Tensor]) -> Fetch:
        flat = torch.cat([tensor.float().flatten() for tensor in tensors])  # one copy, one wait
        arrived = self._transfers.fetch_later(flat)
        shapes = [tensor.shape for tensor in tensors]

        def arrays() -> list[NDArray[np.float32]]:
            pieces = torch.split(arrived(), [shape.numel() for shape in shapes])
            return [piece.view(shape).numpy() for piece, shape in zip(pieces, shapes, strict=True)]

        return arrays

    def fetch(self, tensors: Sequence[Tensor]) -> list[NDArray[np.float32]]:
        return self.fetch_later(tensors)()


def precision(device: Device) -> str:
    """What people call it, as in `NETTAILOR_DTYPE`."""
    return "int8" if device.int8 else str(device.dtype).removeprefix("torch.")


def open_device(
    name: str = "auto", dtype: str = "auto", *, winograd: bool = True, slots: int = 0, recorded: Recorded = "pass"
) -> Device:
    """The device called `cpu`, `cuda` or `auto` (CUDA where there is one); `auto` dtype: fp32 on CPU, bf16 on CUDA.
    `int8` is of the CPU alone, so that `auto` takes that. Raises `Int8Unavailable`.

    `winograd`: on CPU in fp32, keep the 3x3 weights a second time, transformed, where that is measured to be faster;
    not where `layouts_vary`: there it would take several times the memory for a fifth less time (docs/log.md). `slots`
    and `recorded`: as `CudaDevice` takes them, on CUDA only.
    """
    if dtype == "int8":
        return _int8_device(name)
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda":
        return CudaDevice(DTYPES.get(dtype, torch.bfloat16), slots=slots, recorded=recorded)
    wanted = DTYPES.get(dtype, torch.float32)
    if not OneDnnKernel.available(wanted):
        logger.warning("this processor or build has no fast convolutions in %s: predictions are slow", wanted)
    return CpuDevice(wanted, winograd=winograd)


def _int8_device(name: str) -> Device:
    reason = "CUDA has bfloat16" if name == "cuda" else why_not()
    if reason is not None:
        raise Int8Unavailable(reason)
    return CpuDevice(winograd=False, int8=True)
