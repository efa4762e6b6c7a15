"""A backbone's slots: one tensor whose rows are tasks, filled when a bundle is made ready."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

import torch

from nettailor.architecture.geometry import Geometry
from nettailor.architecture.plan import Plan
from nettailor.bundle.preprocessing import Preprocessing
from server.engine.backbone import Convolution, SharedNetwork
from server.engine.folded import FoldedBundle
from server.engine.folding import FloatArray
from server.engine.grouped.filling import BlockBiases, slot_values
from server.engine.grouped.layout import slot_layout
from server.kernels.device import Device


@dataclass(frozen=True, kw_only=True, eq=False)
class Slot:
    """The right to a row of the slots. It is free again once nobody holds this."""

    number: int
    free: "deque[int]"

    def __del__(self) -> None:
        self.free.append(self.number)  # takes no lock: this may run in the middle of anything


@dataclass(frozen=True, kw_only=True, eq=False)
class SlottedAdapter:
    """Ready to run; immutable. A batch that runs it holds it, and by it the slot, until its answers are there."""

    task: str
    backbone: str  # fingerprint of the one that it stands on
    plan: Plan
    preprocessing: Preprocessing
    classes: tuple[str, ...]
    slot: Slot
    size_bytes: int  # of the slot

    @property
    def work(self) -> int:
        """How much an image costs, in blocks; proxies and classifier count as one."""
        return self.plan.blocks.count(True) + 1


class Slots:
    """`take` may be called from any thread."""

    def __init__(self, shared: SharedNetwork, shapes: Geometry, device: Device, count: int) -> None:
        self.layout = slot_layout(shapes)
        # Zeros, since numbers of a slot that nobody took are read for the rows that fill up a recording.
        self.values = torch.zeros(count, self.layout.width, dtype=device.dtype, device=device.place)
        self._shapes, self._device = shapes, device
        self._blocks = _biases(shared)
        self._free = deque(range(count))

    @property
    def size_bytes(self) -> int:
        return self.values.untyped_storage().nbytes()

    def take(self, folded: FoldedBundle) -> SlottedAdapter | None:
        """A bundle of this backbone made ready to run; None: no slot is free, or none has room for all it has."""
        manifest = folded.manifest
        if not self.layout.holds(manifest):
            return None
        try:
            slot = Slot(number=self._free.popleft(), free=self._free)
        except IndexError:
            return None
        row = self.values[slot.number]
        self._device.fill(row, slot_values(self.layout, folded, self._shapes, self._blocks))
        return SlottedAdapter(
            task=manifest.task,
            backbone=manifest.backbone.fingerprint,
            plan=manifest.plan,
            preprocessing=manifest.preprocessing,
            classes=manifest.classes,
            slot=slot,
            size_bytes=row.nbytes,
        )


def _biases(shared: SharedNetwork) -> Mapping[int, BlockBiases]:
    return {
        node: BlockBiases(
            branch=[_bias(conv) for conv in block.branch],
            shortcut=None if block.shortcut is None else _bias(block.shortcut),
        )
        for node, block in enumerate(shared.blocks, start=1)
    }


def _bias(conv: Convolution) -> FloatArray:
    bias: FloatArray = conv.bias.float().cpu().numpy().copy()
    return bias
