"""What the backbone, as it is, makes of the images of a task.

Legend: N images, C features, M images in the store.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from nettailor.bundle.preprocessing import Preprocessing
from nettailor.network.backbones import Backbone
from trainer.training.data import evaluation_batches
from trainer.training.distributed import ProcessGroup
from trainer.training.images import LabelledImages, Pixels


@dataclass(frozen=True, kw_only=True)
class _Rows:
    """Of a store: `values` (M, C), and whether each is `known` (M,)."""

    values: Tensor
    known: Tensor

    @classmethod
    def empty(cls, images: int, features: int) -> "_Rows":
        return cls(values=torch.empty(images, features), known=torch.zeros(images, dtype=torch.bool))


class FrozenFeatures:
    """In fp32, on the CPU. An image passes through the backbone once, however many folds ask for it."""

    def __init__(self, backbone: Backbone, preprocessing: Preprocessing) -> None:
        self._backbone = backbone
        self._preprocessing = preprocessing
        self.forget()

    @property
    def depth(self) -> int:
        """The number of the backbone's blocks."""
        return self._backbone.depth

    def forget(self) -> None:
        """Give the memory back."""
        self._stores: dict[Pixels, _Rows] = {}

    def of(self, images: LabelledImages) -> Tensor:
        """(N, C)"""
        if images.pixels not in self._stores:
            self._stores[images.pixels] = _Rows.empty(len(images.pixels.exact), self._backbone.channels[-1])
        rows = self._stores[images.pixels]
        new = images.rows((~rows.known[images.places]).nonzero()[:, 0])
        if len(new):
            rows.values[new.places] = self._computed(new, mirrored=False)
            rows.known[new.places] = True
        return rows.values[images.places]

    def of_mirrored(self, images: LabelledImages) -> Tensor:
        """(N, C), of the images' mirror images."""
        return self._computed(images, mirrored=True)

    @torch.no_grad()
    def _computed(self, images: LabelledImages, *, mirrored: bool) -> Tensor:
        device = next(self._backbone.parameters()).device
        batches: Iterable[Tensor] = (x.to(device) for x, _ in evaluation_batches(images, self._preprocessing))
        rows = [self._backbone(x.flip(3) if mirrored else x).float().cpu() for x in batches]
        return ProcessGroup.current().agreed(torch.cat(rows))
