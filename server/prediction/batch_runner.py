"""From a batch of queued items to the engine's forward pass, and from logits to rankings."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from server.engine.engine import Engine, Part
from server.engine.ready import Ready
from server.residency.backbones import Backbones
from server.scheduling.work import Item, Ranking


class Runner:
    """What the scheduler calls with a mixed batch. On the host several threads may, each for a batch in one lane."""

    def __init__(self, backbones: Backbones[Engine]) -> None:
        self._backbones = backbones

    def __call__(self, batch: Sequence[Item[Ready]]) -> list[list[Ranking]]:
        return self._begun(batch, in_one_lane=True)()

    def begin(self, batch: Sequence[Item[Ready]]) -> Callable[[], list[list[Ranking]]]:
        """As `Engine.begin`."""
        return self._begun(batch, in_one_lane=False)

    def _begun(self, batch: Sequence[Item[Ready]], *, in_one_lane: bool) -> Callable[[], list[list[Ranking]]]:
        images = np.stack([item.work.images[item.index] for item in batch])
        members: dict[Ready, list[int]] = {}  # the batch's images that each adapter is to classify
        for row, item in enumerate(batch):
            for adapter in item.work.parts:
                members.setdefault(adapter, []).append(row)
        parts = [Part(adapter=adapter, images=rows) for adapter, rows in members.items()]
        engine = self._backbones.running(parts[0].adapter.backbone)  # a batch is of one backbone
        logits = engine.begin(images, parts, in_one_lane=in_one_lane)
        return lambda: _rankings(batch, parts, logits())


def _rankings(
    batch: Sequence[Item[Ready]], parts: Sequence[Part], logits: Sequence[NDArray[np.float32]]
) -> list[list[Ranking]]:
    """Of each item, by part."""
    found: dict[tuple[int, Ready], Ranking] = {}
    for part, own in zip(parts, logits, strict=True):
        longest = max(batch[row].work.top_k for row in part.images)
        for row, ranking in zip(part.images, rank(own, longest), strict=True):
            found[row, part.adapter] = ranking[: batch[row].work.top_k]
    return [[found[row, adapter] for adapter in item.work.parts] for row, item in enumerate(batch)]


def rank(logits: NDArray[np.float32], top_k: int) -> list[Ranking]:
    """The `top_k` most probable classes of each row of (N, K) and their softmax; equal ones by index."""
    wide = logits.astype(np.float64)
    shares = np.exp(wide - wide.max(1, keepdims=True))
    shares /= shares.sum(1, keepdims=True)
    order = np.argsort(-shares, axis=1, kind="stable")[:, :top_k]
    best = np.take_along_axis(shares, order, axis=1)
    return [list(zip(*row, strict=True)) for row in zip(order.tolist(), best.tolist(), strict=True)]
