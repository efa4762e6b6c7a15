"""The engine: one forward pass over images of many tasks. Each shared block runs once for all tasks that keep it.

Legend: U distinct images, N rows (an image once for every task that wants it), C channels, H W, K classes.
"""

import threading
import weakref
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nettailor.bundle.bundle import Bundle, check_backbone
from nettailor.bundle.preprocessing import Preprocessing
from nettailor.network.backbones import Backbone
from server.engine import adapters
from server.engine.adapters import Adapter
from server.engine.backbone import SharedNetwork, pack_shared
from server.engine.folded import FoldedBundle, fold_bundle
from server.engine.mixed import MixedPass
from server.engine.rows import Share, cut
from server.kernels.device import Device


@dataclass(frozen=True, kw_only=True, eq=False)
class Part:
    """Images (by index into the batch) that one adapter is to classify."""

    adapter: Adapter
    images: Sequence[int]


class Engine:
    """Holds the shared network once. `fold` and `upload` may run in any thread, `forward` in one thread at a time."""

    def __init__(self, backbone: Backbone, device: Device) -> None:
        self.device = device
        self.fingerprint = backbone.fingerprint()
        self.backbone_name = backbone.name
        self._shapes = backbone.geometry
        self.shared: SharedNetwork = pack_shared(backbone, device)
        self._ready: weakref.WeakSet[Adapter] = weakref.WeakSet()  # that are on the device now
        self._sides: set[int] = set()  # that the shared network is prepared for
        self._preparing = threading.Lock()

    @property
    def size_bytes(self) -> int:
        """Of the shared network."""
        return self.shared.size_bytes

    @property
    def is_idle(self) -> bool:
        """Whether no bundle is ready to run here."""
        return not self._ready

    def fold(self, bundle: Bundle) -> FoldedBundle:
        """Multiply out in advance what a bundle and this backbone allow. Raises `BundleWrongBackbone`."""
        check_backbone(bundle, self.fingerprint)
        return fold_bundle(bundle, self.shared.norms)

    def upload(self, folded: FoldedBundle) -> Adapter:
        """Make a bundle ready to run. The first one with images of another size takes seconds."""
        self._prepare(folded.manifest.preprocessing.crop)
        with torch.inference_mode():
            adapter = adapters.upload(folded, self._shapes, self.device)
        self._ready.add(adapter)
        return adapter

    def pack(self, bundle: Bundle) -> Adapter:
        """Fold and upload in one call. Raises `BundleWrongBackbone`."""
        return self.upload(self.fold(bundle))

    def warm_up(self, side: int) -> None:
        """Run the uncut network once on one image of `side` pixels, so that the first request finds kernels ready."""
        self._prepare(side)
        with torch.inference_mode():
            x = self.device.put(np.zeros((1, side, side, 3), np.float32))
            x = self.shared.run_stem(x)
            for block in self.shared.blocks:
                x = block(x).relu_()
            self.device.fetch([x.mean((1, 2))])

    def _prepare(self, side: int) -> None:
        if side not in self._sides:
            with self._preparing:
                if side not in self._sides:
                    self.shared.prepare(side)
                    self._sides.add(side)

    def forward(self, images: NDArray[np.uint8], parts: Sequence[Part]) -> list[NDArray[np.float32]]:
        """Logits (len(part.images), K) of each part, for images (U, 3, S, S) prepared as their parts' tasks want."""
        members: dict[Adapter, list[int]] = {}  # duplicates of a task become one member
        firsts = []  # of each part: its first row within its member
        for part in parts:
            rows = members.setdefault(part.adapter, [])
            firsts.append(len(rows))
            rows.extend(part.images)
        answers = self._answers(images, parts, list(members), list(members.values()))
        logits = dict(zip(members, answers, strict=True))
        return [
            logits[part.adapter][first : first + len(part.images)] for first, part in zip(firsts, parts, strict=True)
        ]

    def _answers(
        self, images: NDArray[np.uint8], parts: Sequence[Part], ready: Sequence[Adapter], members: Sequence[list[int]]
    ) -> list[NDArray[np.float32]]:
        """Logits (n, K) of each adapter for its images."""
        lanes = self.device.lanes
        wanted = _preprocessings(len(images), parts)
        chunks = np.array_split(np.arange(len(images)), lanes.fitting(len(images)))
        stems = lanes.map(lambda chunk: self._stem(images[chunk[0] : chunk[-1] + 1], wanted[chunk[0] :]), chunks)
        x = stems[0] if len(stems) == 1 else torch.cat(stems)
        pieces = cut(members, [a.blocks_kept + 1 for a in ready], lanes.fitting(sum(map(len, members))))
        found: list[list[NDArray[np.float32]]] = [[] for _ in members]
        for piece, logits in zip(pieces, lanes.map(lambda piece: self._run(x, piece, ready), pieces), strict=True):
            for share, rows in zip(piece, logits, strict=True):
                found[share.member].append(rows)
        return [rows[0] if len(rows) == 1 else np.concatenate(rows) for rows in found]

    def _stem(self, images: NDArray[np.uint8], wanted: Sequence[Preprocessing]) -> Tensor:
        """x_0 of images (U, 3, S, S); every image passes the stem once, whoever wants it."""
        with torch.inference_mode():
            x = self.device.put_images(images).permute(0, 2, 3, 1).float().contiguous()  # (U, S, S, 3)
            distinct = list(dict.fromkeys(wanted[: len(images)]))
            rows = [distinct.index(p) for p in wanted[: len(images)]] if len(distinct) > 1 else [0]
            mean, std = (
                torch.tensor(values, device=self.device.place)[rows].view(-1, 1, 1, 3)
                for values in ([p.mean for p in distinct], [p.std for p in distinct])
            )
            return self.shared.run_stem(x.div_(255).sub_(mean).div_(std).to(self.device.dtype))

    def _run(self, x: Tensor, piece: Sequence[Share], ready: Sequence[Adapter]) -> list[NDArray[np.float32]]:
        """Logits of each share, for x_0 of all images."""
        rows = [image for share in piece for image in share.images]
        with torch.inference_mode():
            if rows == list(range(rows[0], rows[0] + len(rows))):
                own = x[rows[0] : rows[0] + len(rows)]
            else:
                own = x.index_select(0, torch.tensor(rows, device=x.device))
            members = [ready[share.member] for share in piece]
            logits = MixedPass(self.shared, members, [len(share.images) for share in piece]).run(own)
            return self.device.fetch(logits)


def _preprocessings(images: int, parts: Sequence[Part]) -> list[Preprocessing]:
    """The preprocessing of each image, which all its parts share; an image that no part wants gets any."""
    wanted = [parts[0].adapter.preprocessing] * images
    for part in parts:
        for image in part.images:
            wanted[image] = part.adapter.preprocessing
    return wanted
