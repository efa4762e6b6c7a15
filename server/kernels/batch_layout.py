"""Convolutions on processors where oneDNN wants weights laid out by the batch, and whether this is one of them."""

import threading
from functools import cache

import torch
from torch import Tensor

from server.kernels.convolution import OneDnnKernel


class BatchLayoutKernel:
    """oneDNN's convolution where the layout it wants depends on the batch: the weights as they came, and a copy in each
    layout that was ever wanted, one or two for images of one size. Safe from many threads.
    """

    def __init__(self, weight: Tensor, *, stride: int, padding: int) -> None:
        self._plain, self._stride, self._padding = weight, stride, padding
        self._by_batch: dict[tuple[int, int, int, int], OneDnnKernel] = {}  # (N, H, W, threads)
        self._by_layout: dict[bytes, OneDnnKernel] = {}
        self._lock = threading.Lock()

    @property
    def weight(self) -> Tensor:
        return self._plain

    @property
    def size_bytes(self) -> int:
        return self._plain.untyped_storage().nbytes() + sum(k.size_bytes for k in self._copies())

    @property
    def addresses(self) -> tuple[int, ...]:
        own = self._plain.untyped_storage().data_ptr()
        return (own, *(address for kernel in self._copies() for address in kernel.addresses))

    def prepare(self, height: int, width: int) -> None:
        pass

    def __call__(self, x: Tensor, bias: Tensor | None, *, relu: bool = False, add: Tensor | None = None) -> Tensor:
        images, _, height, width = x.shape
        batch = (images, height, width, torch.get_num_threads())
        kernel = self._by_batch.get(batch) or self._fitted(batch)
        return kernel(x, bias, relu=relu, add=add)

    def _fitted(self, batch: tuple[int, int, int, int]) -> OneDnnKernel:
        like = batch[:3]  # oneDNN knows the caller's number of threads itself
        made = OneDnnKernel(self._plain, stride=self._stride, padding=self._padding, like=like)
        with self._lock:
            kernel = self._by_layout.setdefault(made.layout, made)
            self._by_batch[batch] = kernel
            return kernel

    def _copies(self) -> list[OneDnnKernel]:
        with self._lock:
            return list(self._by_layout.values())


@cache
def layouts_vary() -> bool:
    """Whether the layout that oneDNN wants for 3x3 weights depends on the batch: not with AVX-512, but with AVX2
    (docs/log.md). Where it does, one copy for all would be copied anew on most calls, in up to 200 ms."""
    weight = torch.arange(256.0 * 256 * 9).view(256, 256, 3, 3)
    likes = [(8, side, side) for side in (5, 14, 16)]
    return len({OneDnnKernel(weight, stride=1, padding=1, like=like).layout for like in likes}) > 1
