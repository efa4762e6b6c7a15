"""The one seam between the engine and the machine it runs on."""

import logging
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from server.errors import Int8Unavailable
from server.kernels.autotune import TunedKernel, Tuner
from server.kernels.batch_layout import BatchLayoutKernel, layouts_vary
from server.kernels.convolution import Kernel, OneDnnKernel, PlainKernel
from server.kernels.int8 import why_not
from server.kernels.thread_lanes import ThreadLanes

logger = logging.getLogger(__name__)

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


class Device(Protocol):
    name: str
    place: torch.device
    dtype: torch.dtype  # of weights and activations
    int8: bool  # shared convolutions and proxies in 8 bits, for bundles with activation ranges
    is_host: bool  # its memory is the host's
    lanes: ThreadLanes  # that a batch is cut into

    def put(self, array: NDArray[np.float32]) -> Tensor:
        """A tensor of `dtype` on the device; it is complete when this returns. May be called from any thread."""

    def put_bytes(self, array: NDArray[np.uint8]) -> Tensor:
        """As `put`, of bytes that stay bytes."""

    def pack(self, weight: NDArray[np.float32], *, stride: int, padding: int) -> Kernel:
        """A convolution with weights (C_out, C_in, k, k), ready to run."""

    def put_images(self, images: NDArray[np.uint8]) -> Tensor:
        """uint8 on the device, for work that the calling thread queues next."""

    def fetch(self, tensors: Sequence[Tensor]) -> list[NDArray[np.float32]]:
        """Results as arrays, once all work of the calling thread that leads to them is done."""


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
    ) -> None:
        self.place = torch.device("cpu")
        self.dtype = dtype
        self.int8 = int8
        self.lanes = lanes or ThreadLanes.on_all_cores()
        self._tuner = Tuner(self.lanes) if winograd and dtype == torch.float32 else None

    def put(self, array: NDArray[np.float32]) -> Tensor:
        return torch.from_numpy(array).to(self.dtype)

    def put_bytes(self, array: NDArray[np.uint8]) -> Tensor:
        return torch.from_numpy(array)

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

    def fetch(self, tensors: Sequence[Tensor]) -> list[NDArray[np.float32]]:
        return [tensor.float().numpy() for tensor in tensors]


class CudaDevice:
    """Weights go up on a stream of their own, so that a swap does not wait behind the running batch.

    Their memory belongs to that stream and may be reused by it once the tensors are dropped; that is safe because a
    batch holds its adapters until `fetch` has returned.
    """

    name = "cuda"
    is_host = False
    int8 = False

    def __init__(self, dtype: torch.dtype = torch.bfloat16) -> None:
        self.dtype = dtype
        self.lanes = ThreadLanes()
        self.place = torch.device("cuda", torch.cuda.current_device())
        self._copies = torch.cuda.Stream(self.place)

    def put(self, array: NDArray[np.float32]) -> Tensor:
        return self._copied(torch.from_numpy(array).to(self.dtype))

    def put_bytes(self, array: NDArray[np.uint8]) -> Tensor:
        return self._copied(torch.from_numpy(array))

    def _copied(self, host: Tensor) -> Tensor:
        pinned = host.pin_memory()
        with torch.cuda.stream(self._copies):
            tensor = pinned.to(self.place, non_blocking=True)
            arrived = torch.cuda.Event()
            arrived.record(self._copies)
        arrived.synchronize()
        return tensor

    def pack(self, weight: NDArray[np.float32], *, stride: int, padding: int) -> Kernel:
        placed = self.put(weight).contiguous(memory_format=torch.channels_last)
        return PlainKernel(weight=placed, stride=stride, padding=padding)

    def put_images(self, images: NDArray[np.uint8]) -> Tensor:
        return torch.from_numpy(images).pin_memory().to(self.place, non_blocking=True)

    def fetch(self, tensors: Sequence[Tensor]) -> list[NDArray[np.float32]]:
        flat = torch.cat([tensor.float().flatten() for tensor in tensors]).cpu()  # one copy, one wait
        pieces = torch.split(flat, [tensor.numel() for tensor in tensors])
        return [piece.view(tensor.shape).numpy() for piece, tensor in zip(pieces, tensors, strict=True)]


def precision(device: Device) -> str:
    """What people call it, as in `NETTAILOR_DTYPE`."""
    return "int8" if device.int8 else str(device.dtype).removeprefix("torch.")


def open_device(name: str = "auto", dtype: str = "auto", *, winograd: bool = True) -> Device:
    """The device called `cpu`, `cuda` or `auto` (CUDA where there is one); `auto` dtype: fp32 on CPU, bf16 on CUDA.
    `int8` is of the CPU alone, so that `auto` takes that. Raises `Int8Unavailable`.

    `winograd`: on CPU in fp32, keep the 3x3 weights a second time, transformed, where that is measured to be faster;
    not where `layouts_vary`: there it would take several times the memory for a fifth less time (docs/log.md).
    """
    if dtype == "int8":
        return _int8_device(name)
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda":
        return CudaDevice(DTYPES.get(dtype, torch.bfloat16))
    wanted = DTYPES.get(dtype, torch.float32)
    if not OneDnnKernel.available(wanted):
        logger.warning("this processor or build has no fast convolutions in %s: predictions are slow", wanted)
    return CpuDevice(wanted, winograd=winograd)


def _int8_device(name: str) -> Device:
    reason = "CUDA has bfloat16" if name == "cuda" else why_not()
    if reason is not None:
        raise Int8Unavailable(reason)
    return CpuDevice(winograd=False, int8=True)
