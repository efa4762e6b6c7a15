"""The engine: one forward pass over images of many tasks. Each shared block runs once for all tasks that keep it.

Legend: U distinct images, N rows (an image once for every task that wants it), C channels, H W, K classes.
"""

import logging
import threading
import weakref
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nettailor.bundle.bundle import Bundle, check_backbone
from nettailor.bundle.manifest import BackboneReference
from nettailor.bundle.preprocessing import Preprocessing
from nettailor.network.backbones import Backbone
from server.engine import adapters
from server.engine.adapters import Adapter
from server.engine.backbone import SharedNetwork, pack_shared
from server.engine.batch_cost import LARGEST, BatchCost, measured
from server.engine.exact import ExactNetwork
from server.engine.folded import FoldedBundle, fold_bundle
from server.engine.grouped.runner import GroupedRunner
from server.engine.grouped.slots import SlottedAdapter
from server.engine.int8.adapter import upload_int8
from server.engine.int8.mixed_pass import Int8Pass
from server.engine.int8.paths import warm_up_int8
from server.engine.mixed import MixedPass
from server.engine.ready import Ready
from server.engine.rows import Share, cut
from server.engine.stems import StemRunner, Stems
from server.engine.untrained import rehearsal_bundle
from server.engine.whole.masked import MaskedNetwork, upload_masked
from server.engine.whole.network import WholeNetwork, upload_network
from server.engine.whole.packed import PackedNetwork, upload_packed
from server.kernels.device import Device
from server.kernels.thread_lanes import Lanes

logger = logging.getLogger(__name__)

_REHEARSED_TASKS = 8  # of the batches that are measured


@dataclass(frozen=True, kw_only=True, eq=False)
class Part:
    """Images (by index into the batch) that one bundle is to classify."""

    adapter: Ready
    images: Sequence[int]


Answers = Callable[[], list[NDArray[np.float32]]]  # waits for a batch's answers


class Engine:
    """Holds the shared network once. `fold` and `upload` may run in any thread; `forward` on a GPU in one thread at a
    time, on the host in any number of them."""

    def __init__(
        self,
        backbone: Backbone,
        device: Device,
        *,
        again: Callable[[], Backbone] | None = None,
        measures: bool = False,
        largest_batch: int = LARGEST,
    ) -> None:
        """`again` reads the backbone anew, when a bundle on an int8 device needs it in fp32 beside; without it the
        backbone stays in memory there. `measures` what batches cost on the host, for every size of images: seconds;
        none of more rows than `largest_batch`, which may be all that memory has room for."""
        self.device = device
        self.fingerprint = backbone.fingerprint()
        self.backbone_name = backbone.name
        self._shapes = backbone.geometry
        self.shared: SharedNetwork = pack_shared(backbone, device, int8=device.int8)
        read = again or (lambda: backbone)
        self._exact = ExactNetwork(self.shared, read, device, fingerprint=self.fingerprint) if device.int8 else None
        grouping = device.grouping  # of tasks in slots; None: there are none
        self._grouped = None if grouping is None else GroupedRunner(self.shared, self._shapes, device, grouping)
        self._stems = StemRunner(self.shared, device, self._grouped)
        self._ready: weakref.WeakSet[Ready] = weakref.WeakSet()  # that are on the device now
        self._measures = measures and device.is_host
        self._measured_rows = min(LARGEST, largest_batch)
        self._costs: dict[int, BatchCost | None] = {}  # by the sides that the shared network is prepared for
        self._preparing = threading.Lock()

    @property
    def size_bytes(self) -> int:
        """Of the shared network, in float32 as well where bundles need that beside int8."""
        return self.shared.size_bytes + (self._exact.size_bytes if self._exact else 0)

    @property
    def is_idle(self) -> bool:
        """Whether no bundle is ready to run here."""
        return not self._ready

    def fold(self, bundle: Bundle, *, exact: bool = False) -> FoldedBundle:
        """Multiply out in advance what a bundle and this backbone allow.

        On an int8 device a bundle with activation ranges is folded for that, unless it is to be `exact`.
        Raises `BundleWrongBackbone`, `ChainLinkMissing` if it is not linked with all that it stands on.
        """
        check_backbone(bundle, self.fingerprint)
        int8 = self.device.int8 and bundle.manifest.activation_ranges and not exact
        return fold_bundle(bundle, self.shared.norms, int8=int8)

    def upload(self, folded: FoldedBundle) -> Ready:
        """Make a bundle ready to run. The first one with images of another size takes seconds.

        Raises `ChainOverlaps`; on an int8 device also as `ExactNetwork` does.
        """
        with torch.inference_mode():
            ready: Ready
            if folded.manifest.is_whole:
                ready = upload_network(folded, self.shared, self.device)
            elif folded.manifest.is_masked:
                ready = upload_masked(folded, self._exact_network(), self.device)
            elif folded.manifest.is_packed:
                ready = upload_packed(folded, self._exact_network(), self.device)
            else:
                self._prepare(folded.manifest.preprocessing.crop)
                ready = self._sharing(folded)
        self._ready.add(ready)
        return ready

    def _sharing(self, folded: FoldedBundle) -> Adapter | SlottedAdapter:
        if folded.is_int8:
            return upload_int8(folded, self.shared, self._shapes, self.device)
        slotted = None if self._grouped is None else self._grouped.take(folded)
        return slotted or adapters.upload(folded, self._exact_network(), self._shapes, self.device)

    def _exact_network(self) -> SharedNetwork:
        """Whose convolutions are in the device's dtype."""
        return self._exact() if self._exact else self.shared

    def pack(self, bundle: Bundle) -> Ready:
        """Fold and upload in one call. Raises `BundleWrongBackbone`, `ChainInvalid`."""
        return self.upload(self.fold(bundle))

    def warm_up(self, side: int) -> None:
        """Run the uncut network once on one image of `side` pixels, so that the first request finds kernels ready."""
        self._prepare(side)
        with torch.inference_mode():
            x = self.device.put(np.zeros((1, side, side, 3), np.float32))
            x = self.shared.run_stem(x)
            if self.device.int8:
                warm_up_int8(self.shared, x)
                return
            for block in self.shared.blocks:
                x = block(x).relu_()
            self.device.fetch([x.mean((1, 2))])
            if self._grouped is not None:
                self._grouped.warm_up(self._stems.of, side)

    def _prepare(self, side: int) -> None:
        if side not in self._costs:
            with self._preparing:
                if side not in self._costs:
                    self.shared.prepare(side)
                    self._costs[side] = self._measured(side) if self._measures else None

    def _measured(self, side: int) -> BatchCost | None:
        backbone = BackboneReference(id=self.backbone_name, fingerprint=self.fingerprint)
        folded = self.fold(rehearsal_bundle(backbone, self._shapes, side, int8=self.device.int8))
        with torch.inference_mode():
            tasks = [self._sharing(folded) for _ in range(_REHEARSED_TASKS)]
        images = np.zeros((self._measured_rows, 3, side, side), np.uint8)

        def run(rows: int) -> None:
            shares = np.array_split(range(rows), min(rows, len(tasks)))
            self.forward(images[:rows], [Part(adapter=a, images=list(r)) for a, r in zip(tasks, shares, strict=False)])

        cost = measured(run, most=self._measured_rows, several=self.device.lanes.count > 1)
        logger.info("batches of %s px images: %s", side, cost or "not measured, as others use these cores")
        return cost

    def enough(self, side: int, most: int) -> int:
        """How many rows, at most `most`, a batch of images of `side` pixels should have: more gain next to nothing."""
        cost = self._costs.get(side)
        return most if cost is None else cost.enough(most)

    def forward(self, images: NDArray[np.uint8], parts: Sequence[Part]) -> list[NDArray[np.float32]]:
        """Logits (len(part.images), K) of each part, for images (U, 3, S, S) prepared as their parts' tasks want."""
        return self.begin(images, parts)()

    def begin(self, images: NDArray[np.uint8], parts: Sequence[Part], *, in_one_lane: bool = False) -> Answers:
        """`forward` in two steps, for one thread: a GPU computes from here on, what comes back waits for it. Another
        batch may begin in between, whose images then go up while this one is computed. The host computes at once, in
        all lanes or, while other batches are in the others, in one."""
        members: dict[Ready, list[int]] = {}  # duplicates of a task become one member
        firsts = []  # of each part: its first row within its member
        for part in parts:
            rows = members.setdefault(part.adapter, [])
            firsts.append(len(rows))
            rows.extend(part.images)
        lanes = self.device.lanes
        with lanes.one(sum(map(len, members.values()))) if in_one_lane else nullcontext(lanes) as own:
            waiting = self._begun(images, parts, members, own)

        def answers() -> list[NDArray[np.float32]]:
            logits = dict(zip(members, waiting(), strict=True))
            return [
                logits[part.adapter][first : first + len(part.images)]
                for first, part in zip(firsts, parts, strict=True)
            ]

        return answers

    def _begun(
        self,
        images: NDArray[np.uint8],
        parts: Sequence[Part],
        images_of: Mapping[Ready, list[int]],
        lanes: Lanes,
    ) -> Answers:
        """Logits (n, K) of each member for its images."""
        ready, members = list(images_of), list(images_of.values())
        wanted = _preprocessings(len(images), parts)
        sharing = [rows for one, rows in zip(ready, members, strict=True) if not isinstance(one, WholeNetwork)]
        stems = self._stems.run(images, wanted, sharing, lanes)
        pieces = cut(members, [one.work for one in ready], lanes.fitting(sum(map(len, members))))
        waiting = lanes.map(lambda piece: self._run(images, stems, piece, ready), pieces)

        def answers() -> list[NDArray[np.float32]]:
            found: list[list[NDArray[np.float32]]] = [[] for _ in members]
            for piece, logits in zip(pieces, waiting, strict=True):
                for share, rows in zip(piece, logits(), strict=True):
                    found[share.member].append(rows)
            return [rows[0] if len(rows) == 1 else np.concatenate(rows) for rows in found]

        return answers

    def _run(self, images: NDArray[np.uint8], stems: Stems, piece: Sequence[Share], ready: Sequence[Ready]) -> Answers:
        """Logits of each share."""
        through: dict[SharedNetwork, list[tuple[Share, Adapter]]] = {}
        for share in piece:
            if isinstance(one := ready[share.member], Adapter):
                through.setdefault(one.network, []).append((share, one))
        with torch.inference_mode():
            logits: dict[int, Tensor] = {}
            for sharing in through.values():
                logits |= self._mixed(stems, sharing)
            for share in piece:
                one = ready[share.member]
                if isinstance(one, WholeNetwork):
                    logits[share.member] = one.run(self._stems.normalised(images, share.images, one.preprocessing))
                elif isinstance(one, MaskedNetwork | PackedNetwork):
                    logits[share.member] = one.run(stems.rows(share.images))
            slotted = [(share, one) for share in piece if isinstance(one := ready[share.member], SlottedAdapter)]
            if self._grouped and slotted:
                return self._with_grouped(self._grouped, stems, piece, slotted, logits)
            return self.device.fetch_later([logits[share.member] for share in piece])

    def _with_grouped(
        self,
        grouped: GroupedRunner,
        stems: Stems,
        piece: Sequence[Share],
        slotted: Sequence[tuple[Share, SlottedAdapter]],
        logits: dict[int, Tensor],
    ) -> Answers:
        """As `_run`, where `slotted` shares are in slots and the others have these logits. All of the former come back
        as one array, which is cut on the host."""
        slotted = sorted(slotted, key=lambda pair: pair[1].slot.number)
        counts = [len(share.images) for share, _ in slotted]
        x = stems.rows([image for share, _ in slotted for image in share.images])
        together = grouped.run(x, [adapter for _, adapter in slotted], counts)
        fetched = self.device.fetch_later([together, *logits.values()])

        def answers() -> list[NDArray[np.float32]]:
            rows, *others = fetched()
            found = dict(zip(logits, others, strict=True))
            pieces = np.split(rows, np.cumsum(counts)[:-1])
            for (share, adapter), own in zip(slotted, pieces, strict=True):
                found[share.member] = own[:, : len(adapter.classes)]
            return [found[share.member] for share in piece]

        return answers

    def _mixed(self, stems: Stems, sharing: Sequence[tuple[Share, Adapter]]) -> dict[int, Tensor]:
        """Logits of the shares that go through the same shared blocks, by member."""
        x = stems.rows([image for share, _ in sharing for image in share.images])
        counts = [len(share.images) for share, _ in sharing]
        pass_type = Int8Pass if sharing[0][1].int8 else MixedPass
        network = sharing[0][1].network
        logits = pass_type(network, [adapter for _, adapter in sharing], counts).run(x)
        return {share.member: rows for (share, _), rows in zip(sharing, logits, strict=True)}


def _preprocessings(images: int, parts: Sequence[Part]) -> list[Preprocessing]:
    """The preprocessing of each image, which all its parts share; an image that no part wants gets any."""
    wanted = [parts[0].adapter.preprocessing] * images
    for part in parts:
        for image in part.images:
            wanted[image] = part.adapter.preprocessing
    return wanted
