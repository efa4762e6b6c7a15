"""Which way of running a convolution is fastest here, for images of one size: found out by running them."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from server.kernels.convolution import OneDnnKernel
from server.kernels.thread_lanes import ThreadLanes
from server.kernels.winograd import TILES, WinogradKernel

_MANY, _FEW, _ONE = 8, 4, 1  # images: what is tried, from where on that counts, what is tried below
_WORTH = 0.9  # of the direct way's time; memory for the second copy of the weights wants a gain
_AS_GOOD = 1.05  # of the best time: then the smaller tile, whose weights are smaller
_RUNS = 3

Way = Callable[[Tensor, Tensor | None], Tensor]
Clock = Callable[[Way, int], float]  # a way and a number of images -> seconds


@dataclass(frozen=True, kw_only=True)
class Choice:
    """`tile` is None where the direct way is the fastest; `least`: images from which on the other one is."""

    tile: int | None
    least: int = 1


class Tuner:
    """Measures each shape of a convolution once; `lanes` are those that convolutions will run in."""

    def __init__(self, lanes: ThreadLanes) -> None:
        self._lanes = lanes
        self._choices: dict[tuple[int, ...], Choice] = {}
        self._lock = threading.Lock()

    def choice(self, direct: OneDnnKernel, height: int, width: int) -> Choice:
        """For a 3x3 convolution of images of this size."""
        key = (*direct.channels, height, width)
        with self._lock:
            if key not in self._choices:
                weight = direct.weight
                ways = {tile: WinogradKernel(weight, tile=tile) for tile in TILES}
                self._choices[key] = choose(direct, ways, self._clock(weight.shape[1], height, width))
            return self._choices[key]

    def _clock(self, channels: int, height: int, width: int) -> Clock:
        def seconds(way: Way, images: int) -> float:
            x = torch.randn(images, height, width, channels).permute(0, 3, 1, 2)
            side_by_side = range(self._lanes.count if images > _ONE else 1)
            return max(self._lanes.map(lambda _: _fastest_run(way, x), side_by_side))

        return seconds


def choose(direct: Way, ways: Mapping[int, Way], seconds: Clock) -> Choice:
    """The fastest of the direct way and `ways` (by tile), and from how many images on."""
    plain = seconds(direct, _MANY)
    times = {tile: seconds(way, _MANY) for tile, way in ways.items()}
    best = min(times.values())
    if best > _WORTH * plain:
        return Choice(tile=None)
    tile = min(tile for tile, time in times.items() if time <= _AS_GOOD * best)
    alone = seconds(ways[tile], _ONE) <= _WORTH * seconds(direct, _ONE)
    return Choice(tile=tile, least=_ONE if alone else _FEW)


def _fastest_run(way: Way, x: Tensor) -> float:
    with torch.inference_mode():
        times = []
        for _ in range(_RUNS + 1):  # the first one warms up
            began = time.perf_counter()
            way(x, None)
            times.append(time.perf_counter() - began)
        return min(times[1:])


class TunedKernel:
    """A 3x3 convolution of stride 1 and padding 1 that runs the fastest way there is for the size of its images."""

    def __init__(self, direct: OneDnnKernel, tuner: Tuner) -> None:
        self._direct, self._tuner = direct, tuner
        self._others: dict[tuple[int, int], tuple[int, WinogradKernel]] = {}  # by size, with the least images
        self._by_tile: dict[int, WinogradKernel] = {}

    @property
    def weight(self) -> Tensor:
        return self._direct.weight

    @property
    def size_bytes(self) -> int:
        return self._direct.size_bytes + sum(kernel.size_bytes for kernel in self._by_tile.values())

    @property
    def addresses(self) -> tuple[int, ...]:
        return self._direct.addresses + tuple(a for kernel in self._by_tile.values() for a in kernel.addresses)

    def prepare(self, height: int, width: int) -> None:
        choice = self._tuner.choice(self._direct, height, width)
        if choice.tile is not None:
            if choice.tile not in self._by_tile:
                self._by_tile[choice.tile] = WinogradKernel(self._direct.weight, tile=choice.tile)
            self._others[height, width] = (choice.least, self._by_tile[choice.tile])

    def __call__(self, x: Tensor, bias: Tensor | None, *, relu: bool = False, add: Tensor | None = None) -> Tensor:
        images, _, height, width = x.shape
        least, other = self._others.get((height, width), (0, None))
        kernel = self._direct if other is None or images < least else other
        return kernel(x, bias, relu=relu, add=add)
