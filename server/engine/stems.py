"""A batch's images normalised and passed through the stem, once each, whoever wants them.

Legend: U distinct images, S their side in pixels, H W, C channels.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nettailor.bundle.preprocessing import Preprocessing
from server.engine.backbone import SharedNetwork
from server.engine.grouped.runner import GroupedRunner
from server.kernels.device import Device, put_next
from server.kernels.thread_lanes import Lanes

# Numbers of the images that go through a stem at a time: what it makes of more is memory that the allocator gives back
# and has to fault in again, which takes as long as the stem (docs/log.md).
_PIECE = 400_000


@dataclass(frozen=True, kw_only=True, eq=False)
class Stems:
    """x_0 of some of a batch's images, in the order of `places` (image -> row)."""

    x: Tensor | None  # None: of none
    places: Mapping[int, int]
    device: Device

    def rows(self, images: Sequence[int]) -> Tensor:
        """x_0 of these images, one after another."""
        assert self.x is not None
        rows = [self.places[image] for image in images]
        if _follow(rows):
            return self.x[rows[0] : rows[0] + len(rows)]
        return self.x.index_select(0, put_next(self.device, np.array(rows)))


class StemRunner:
    """Through the stem of one network; with a grouped runner, by that."""

    def __init__(self, network: SharedNetwork, device: Device, grouped: GroupedRunner | None) -> None:
        self._network = network
        self._device = device
        self._grouped = grouped

    def run(
        self,
        images: NDArray[np.uint8],
        wanted: Sequence[Preprocessing],
        sharing: Iterable[Sequence[int]],
        lanes: Lanes,
    ) -> Stems:
        """x_0 of those of the images (U, 3, S, S), each `wanted` in a way, that any of the `sharing` members wants."""
        places = {image: place for place, image in enumerate(sorted({image for rows in sharing for image in rows}))}
        if not places:
            return Stems(x=None, places=places, device=self._device)
        chunks = [chunk.tolist() for chunk in np.array_split(list(places), lanes.fitting(len(places)))]
        x = lanes.map(lambda chunk: self._stem(_taken(images, chunk), [wanted[image] for image in chunk]), chunks)
        return Stems(x=x[0] if len(x) == 1 else torch.cat(x), places=places, device=self._device)

    def normalised(self, images: NDArray[np.uint8], rows: Sequence[int], wanted: Preprocessing) -> Tensor:
        """Some images (U, 3, S, S) as a network reads them: (rows, S, S, 3)."""
        return self._normalised(_taken(images, rows), [wanted])

    def of(self, images: Tensor, colours: Tensor) -> Tensor:
        """x_0 of images (U, 3, S, S); `colours` (U or 1, 2, 3) are mean and deviation."""
        return self._network.run_stem(self._scaled(images, colours))

    def _stem(self, images: NDArray[np.uint8], wanted: Sequence[Preprocessing]) -> Tensor:
        with torch.inference_mode():
            if self._grouped is None:
                return self._in_pieces(images, wanted)
            colours = np.repeat(each := _colours(wanted), len(images) // len(each), axis=0)
            return self._grouped.run_stem(self.of, self._device.put_images(images), put_next(self._device, colours))

    def _in_pieces(self, images: NDArray[np.uint8], wanted: Sequence[Preprocessing]) -> Tensor:
        length = max(1, _PIECE // images[0].size) if self._device.is_host else len(images)
        spans = [slice(start, start + length) for start in range(0, len(images), length)]
        x = [self._network.run_stem(self._normalised(images[span], wanted[span])) for span in spans]
        return x[0] if len(x) == 1 else torch.cat(x)

    def _normalised(self, images: NDArray[np.uint8], wanted: Sequence[Preprocessing]) -> Tensor:
        """(U, 3, S, S) -> (U, S, S, 3), by the preprocessing of each image."""
        return self._scaled(self._device.put_images(images), put_next(self._device, _colours(wanted)))

    def _scaled(self, images: Tensor, colours: Tensor) -> Tensor:
        mean, std = colours[:, :, :, None, None].unbind(1)
        # Colour by colour, where a whole plane has the same mean: pixel by pixel it takes twice as long.
        x = images.float().div_(255).sub_(mean).div_(std)
        return x.permute(0, 2, 3, 1).contiguous().to(self._device.dtype)


def _follow(rows: Sequence[int]) -> bool:
    return list(rows) == list(range(rows[0], rows[0] + len(rows)))


def _taken(images: NDArray[np.uint8], rows: Sequence[int]) -> NDArray[np.uint8]:
    """A view where the rows follow one another."""
    return images[rows[0] : rows[0] + len(rows)] if _follow(rows) else images[list(rows)]


def _colours(wanted: Sequence[Preprocessing]) -> NDArray[np.float32]:
    """Mean and deviation (U, 2, 3) of images; (1, 2, 3) where all have the same."""
    each = wanted if len(set(wanted)) > 1 else wanted[:1]
    return np.array([(preprocessing.mean, preprocessing.std) for preprocessing in each], np.float32)
