"""What the engine asks about tasks in slots: make a bundle ready, run a batch of them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from nettailor.architecture.geometry import Geometry
from server.engine.backbone import SharedNetwork
from server.engine.folded import FoldedBundle
from server.engine.grouped.grouped_pass import GroupedPass, Kept
from server.engine.grouped.slots import Slots, SlottedAdapter
from server.kernels.device import Device, put_next
from server.kernels.graph_cache import GraphCache, Work
from server.kernels.grouping import Grouping

Indices = NDArray[np.int64]

_SIDES = 8  # of images whose recordings are kept


class GroupedRunner:
    """Of one backbone on one device. `take` may run in any thread, `run` in one thread at a time."""

    def __init__(self, shared: SharedNetwork, shapes: Geometry, device: Device, grouping: Grouping) -> None:
        self._shared, self._device, self._grouping = shared, device, grouping
        self.slots = Slots(shared, shapes, device, grouping.slots)
        keys = 1 + (len(shared.blocks) if grouping.recorded == "blocks" else 1)  # the stem, and what comes then
        self.recordings = None if grouping.record is None else GraphCache(grouping.record, most_keys=_SIDES * keys)

    def take(self, folded: FoldedBundle) -> SlottedAdapter | None:
        """A bundle in a slot; None: there is none for it."""
        return self.slots.take(folded)

    def run_stem(self, stem: Work, images: Tensor, colours: Tensor) -> Tensor:
        """x_0 of images (U, 3, S, S) with their mean and deviation (U, 2, 3)."""
        if self.recordings is None:
            return stem(images, colours)
        return self.recordings.run("stem", stem, [images, colours])

    def warm_up(self, stem: Work, side: int) -> None:
        """Record all that batches of images of `side` pixels will want, which takes seconds."""
        for bucket in self.recordings.buckets if self.recordings is not None else ():
            images = put_next(self._device, np.zeros((bucket, 3, side, side), np.uint8))
            rows = self.run_stem(stem, images, put_next(self._device, np.ones((bucket, 2, 3), np.float32)))
            numbers = np.zeros(bucket, np.int64)
            slots, ends = self._uploaded([numbers, self._ends(numbers)])
            if self._passes_are_recorded(bucket):
                self._recorded(rows, slots, ends)
            else:
                self._pass(self.recordings).run(rows, slots, ends.int())

    def run(self, x: Tensor, adapters: Sequence[SlottedAdapter], counts: Sequence[int]) -> Tensor:
        """x_0 (N, H, W, C_0), `counts[t]` rows of `adapters[t]`, these in the order of their slots -> logits (N, K), of
        which each task has its first."""
        numbers = np.repeat([adapter.slot.number for adapter in adapters], counts)
        if self._passes_are_recorded(len(x)):
            slots, ends = self._uploaded([numbers, self._ends(numbers)])
            return self._recorded(x, slots, ends)
        partly, everywhere, proxies = _kept(adapters, counts)
        slots, ends, *rows = self._uploaded([numbers, self._ends(numbers), *partly.values()])
        blocks = dict.fromkeys(everywhere) | dict(zip(partly, rows, strict=True))
        return self._pass(self.recordings).run(x, slots, ends.int(), Kept(blocks=blocks, proxies=proxies))

    def _passes_are_recorded(self, rows: int) -> bool:
        whole = self._grouping.recorded == "pass"
        return whole and self.recordings is not None and self.recordings.bucket(rows) is not None

    def _recorded(self, x: Tensor, slots: Tensor, ends: Tensor) -> Tensor:
        assert self.recordings is not None
        logits = self.recordings.run("pass", self._pass(None).run, [x, slots], [ends.int()])
        return logits.clone()  # the next batch may come before this one has been fetched

    def _ends(self, numbers: Indices) -> Indices:
        """How many rows lie in each slot and all before."""
        ends: Indices = np.cumsum(np.bincount(numbers, minlength=self._grouping.slots))
        return ends

    def _pass(self, recordings: GraphCache | None) -> GroupedPass:
        recorded = recordings if self._grouping.recorded == "blocks" else None
        slots, product = self.slots, self._grouping.product
        return GroupedPass(self._shared, slots.layout, slots.values, product, recorded=recorded)

    def _uploaded(self, arrays: Sequence[Indices]) -> tuple[Tensor, ...]:
        """All in one copy."""
        there = put_next(self._device, np.concatenate(arrays, dtype=np.int64))
        pieces: tuple[Tensor, ...] = there.split([len(array) for array in arrays])
        return pieces


def _kept(
    adapters: Sequence[SlottedAdapter], counts: Sequence[int]
) -> tuple[dict[int, Indices], list[int], frozenset[int]]:
    """Of blocks that some tasks keep the rows of these, by node; the nodes whose block all keep; those with proxies."""
    keeps = np.array([adapter.plan.blocks for adapter in adapters])  # (T, L)
    by_row = np.repeat(keeps, counts, axis=0)
    nodes = range(1, keeps.shape[1] + 1)
    everywhere = [node for node in nodes if keeps[:, node - 1].all()]
    partly = {node: by_row[:, node - 1].nonzero()[0] for node in nodes if node not in everywhere}
    proxies = frozenset(node for node in nodes if any(adapter.plan.sources(node) for adapter in adapters))
    return {node: rows for node, rows in partly.items() if len(rows)}, everywhere, proxies
