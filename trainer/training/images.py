"""The images of a split or a fold: rows of one store, which all of them share.

Legend: M images in the store, N in the split, S pixels a side.
"""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, kw_only=True, eq=False)
class Pixels:
    """`exact` (M, 3, crop, crop) uint8 as serving prepares them; `wide` (M, 3, S, S) uint8, the same view with more
    pixels, for random crops. They may be memory of a mapped file."""

    exact: Tensor
    wide: Tensor


@dataclass(frozen=True, kw_only=True, eq=False)
class LabelledImages:
    """`places` (N,) int64 are rows of the store, `labels` (N,) int64. What is taken of them are views of the same store
    until their pixels are asked for."""

    pixels: Pixels
    places: Tensor
    labels: Tensor

    @classmethod
    def of(cls, *, exact: Tensor, wide: Tensor, labels: Tensor) -> "LabelledImages":
        """All images of a store of their own."""
        return cls(pixels=Pixels(exact=exact, wide=wide), places=torch.arange(len(labels)), labels=labels)

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def wide_side(self) -> int:
        return self.pixels.wide.shape[-1]

    def exact(self, index: Tensor | slice = slice(None)) -> Tensor:
        """A copy of the pixels of these rows, (B, 3, crop, crop)."""
        return self.pixels.exact[self.places[index]]

    def wide(self, index: Tensor | slice = slice(None)) -> Tensor:
        """(B, 3, S, S)"""
        return self.pixels.wide[self.places[index]]

    def rows(self, index: Tensor) -> "LabelledImages":
        return LabelledImages(pixels=self.pixels, places=self.places[index], labels=self.labels[index])

    def __add__(self, other: "LabelledImages") -> "LabelledImages":
        """These and then the others; pixels are copied only where the two have different stores."""
        labels = torch.cat([self.labels, other.labels])
        if self.pixels is other.pixels:
            return LabelledImages(pixels=self.pixels, places=torch.cat([self.places, other.places]), labels=labels)
        return LabelledImages.of(
            exact=torch.cat([self.exact(), other.exact()]), wide=torch.cat([self.wide(), other.wide()]), labels=labels
        )
