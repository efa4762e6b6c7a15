"""Where everything of a task lies within its slot: room for every block and every proxy that it may keep.

The names are those of `server.engine.folding`. What is looked up a row comes first, so that one gather finds it all.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from torch import Tensor

from nettailor.architecture.geometry import Geometry
from nettailor.architecture.plan import full_plan
from nettailor.bundle.manifest import Manifest, adapters_of

SKIPS = 3  # sources of a node that there is room for, nearest first: as many as tailoring begins with
CLASSES = 256  # that a slot has room for
_ALIGNMENT = 64  # numbers: everything starts on a multiple, as on a cache line


@dataclass(frozen=True, kw_only=True)
class Region:
    start: int
    shape: tuple[int, ...]

    @property
    def span(self) -> slice:
        return slice(self.start, self.start + math.prod(self.shape))

    def of(self, slots: Tensor) -> Tensor:
        """A view (S, *shape) of slots (S, width)."""
        view: Tensor = slots[:, self.span].unflatten(1, self.shape)
        return view


@dataclass(frozen=True, kw_only=True)
class SlotLayout:
    regions: Mapping[str, Region]
    sources: tuple[tuple[int, ...], ...]  # of node l at l - 1, nearest first
    looked_up: int  # numbers at the beginning that are looked up a row
    width: int

    def holds(self, manifest: Manifest) -> bool:
        """Whether there is room for all that a task has."""
        known = all(set(own) <= set(room) for own, room in zip(manifest.plan.proxies, self.sources, strict=True))
        return known and not adapters_of(manifest.method) and len(manifest.classes) <= CLASSES


def slot_layout(shapes: Geometry) -> SlotLayout:
    sources = full_plan(shapes.depth, SKIPS).proxies
    vectors, matrices = dict(_vectors(shapes, sources)), dict(_matrices(shapes, sources))
    regions, start, looked_up = dict[str, Region](), 0, 0
    for name, shape in (vectors | matrices).items():
        regions[name] = Region(start=start, shape=shape)
        start += -(-math.prod(shape) // _ALIGNMENT) * _ALIGNMENT
        looked_up = start if name in vectors else looked_up
    return SlotLayout(regions=regions, sources=sources, looked_up=looked_up, width=start)


def _vectors(shapes: Geometry, sources: tuple[tuple[int, ...], ...]) -> Iterator[tuple[str, tuple[int]]]:
    for node, block in enumerate(shapes.blocks, start=1):
        *inner, last = (conv.channels_out for conv in block.branch.values())
        yield f"{node}.statistics", (2 * sum(inner) + 3 * last,)
        if shapes.bottleneck:
            for source in sources[node - 1]:
                yield f"{node}.proxies.{source}.bias", (shapes.proxy_channels(source, node)[-2],)
    yield "head.bias", (CLASSES,)


def _matrices(shapes: Geometry, sources: tuple[tuple[int, ...], ...]) -> Iterator[tuple[str, tuple[int, int]]]:
    for node in range(1, shapes.depth + 1):
        widths = [shapes.proxy_channels(source, node)[-2] for source in sources[node - 1]]
        yield f"{node}.proxies", (shapes.channels[node], sum(widths))
        if shapes.bottleneck:
            for source, width in zip(sources[node - 1], widths, strict=True):
                yield f"{node}.proxies.{source}.matrix", (width, shapes.channels[source])
    yield "head.weight", (CLASSES, shapes.channels[-1])
