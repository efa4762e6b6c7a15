"""The engine: one forward pass over images of many tasks. Each shared block runs once for all tasks that keep it.

Legend: U distinct images, N rows (an image once for every task that wants it), C channels, H W, K classes.
Activations are (N, H, W, C), contiguous, of the device's dtype; rows of one task lie together.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nettailor.backbones import Backbone
from nettailor.bundle import Bundle, check_backbone
from nettailor.preprocessing import Preprocessing
from server import adapters
from server.adapters import Adapter, NodeAdapter, ProxyAdapter
from server.device import Device
from server.folded import FoldedBundle, fold_bundle
from server.layout import Rows
from server.shared import SharedBlock, SharedNetwork, max_pool, pack_shared


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
        self.shared: SharedNetwork = pack_shared(backbone, device)

    def fold(self, bundle: Bundle) -> FoldedBundle:
        """What this backbone can do ahead for a bundle. Raises `BundleWrongBackbone`."""
        check_backbone(bundle, self.fingerprint)
        return fold_bundle(bundle, self.shared.norms)

    def upload(self, folded: FoldedBundle) -> Adapter:
        """Make a bundle ready to run."""
        with torch.inference_mode():
            return adapters.upload(folded, self.shared.strides, self.device)

    def pack(self, bundle: Bundle) -> Adapter:
        """Both. Raises `BundleWrongBackbone`."""
        return self.upload(self.fold(bundle))

    def warm_up(self, side: int) -> None:
        """Run the uncut network once on one image of `side` pixels, so that the first request finds kernels ready."""
        with torch.inference_mode():
            x = self.device.put(np.zeros((1, side, side, 3), np.float32))
            x = self.shared.run_stem(x)
            for block in self.shared.blocks:
                x = block(x).relu_()
            self.device.fetch([x.mean((1, 2))])

    def forward(self, images: NDArray[np.uint8], parts: Sequence[Part]) -> list[NDArray[np.float32]]:
        """Logits (len(part.images), K) of each part, for images (U, 3, S, S) prepared as their parts' tasks want."""
        with torch.inference_mode():
            return _Pass(self.shared, self.device, images, parts).run()


class _Pass:
    """One mixed batch on its way through the network."""

    def __init__(self, shared: SharedNetwork, device: Device, images: NDArray[np.uint8], parts: Sequence[Part]) -> None:
        self._shared, self._device, self._images, self._parts = shared, device, images, parts
        groups: dict[int, int] = {}  # by identity of the adapter: duplicates of a task become one group
        members: list[list[int]] = []
        self._adapters: list[Adapter] = []
        self._places: list[tuple[int, int]] = []  # of each part: its group, its first row within
        for part in parts:
            group = groups.setdefault(id(part.adapter), len(groups))
            if group == len(members):
                members.append([])
                self._adapters.append(part.adapter)
            self._places.append((group, len(members[group])))
            members[group] += part.images
        self._wanted = [image for images_of in members for image in images_of]
        self._all = Rows(tasks=tuple(range(len(members))), counts=[len(images_of) for images_of in members])
        self._nodes: dict[int, tuple[Rows, Tensor]] = {}
        self._pooled: dict[tuple[int, int], tuple[Rows, Tensor]] = {}

    def run(self) -> list[NDArray[np.float32]]:
        x = self._shared.run_stem(self._normalised())
        if self._wanted != list(range(len(self._images))):
            x = x.index_select(0, self._index(self._wanted))
        self._nodes[0] = (self._all, x)
        depth = len(self._shared.blocks)
        for node in range(1, depth + 1):
            rows = self._all.subset(t for t, a in enumerate(self._adapters) if a.plan.present(node))
            if rows.tasks:
                self._nodes[node] = (rows, self._node(node, rows))
            self._drop_used(node)
        return self._logits(self._nodes[depth][1].mean((1, 2)))

    def _normalised(self) -> Tensor:  # (U, H, W, 3)
        wanted: list[Preprocessing | None] = [None] * len(self._images)
        for part in self._parts:
            for image in part.images:
                wanted[image] = part.adapter.preprocessing
        distinct = [p for p in dict.fromkeys(wanted) if p is not None]
        rows = [distinct.index(p) if p is not None else 0 for p in wanted] if len(distinct) > 1 else [0]
        mean, std = (
            torch.tensor(values, device=self._device.place)[rows].view(-1, 1, 1, 3)
            for values in ([p.mean for p in distinct], [p.std for p in distinct])
        )
        x = self._device.put_images(self._images).permute(0, 2, 3, 1).float().contiguous()
        return x.div_(255).sub_(mean).div_(std).to(self._device.dtype)

    def _node(self, node: int, rows: Rows) -> Tensor:
        """x_l (eq. 2): the block over all rows that keep it, then each task's proxies added in place."""
        keepers = rows.subset(t for t in rows.tasks if self._adapters[t].plan.keeps_block(node))
        if keepers.tasks:
            x = self._block(node, keepers)
            if keepers is not rows:
                base = self._bias(node, rows).expand(rows.total, *x.shape[1:]).contiguous()
                x = base.index_copy_(0, self._index(rows.index(keepers)), x)
        else:
            first = self._source(self._at(rows.tasks[0], node).proxies[0])[1]
            height, width = first.shape[1:3]
            x = self._bias(node, rows).expand(rows.total, height, width, -1).contiguous()
        channels = x.shape[-1]
        for task in rows.tasks:
            own = x[rows.of(task)].view(-1, channels)
            for proxy in self._at(task, node).proxies:
                self._add_proxy(own, task, proxy)
        return x.relu_()

    def _block(self, node: int, keepers: Rows) -> Tensor:
        """a_ll G_l(x_{l-1}) plus the proxies' biases, (N, H, W, C_l)."""
        rows, source = self._nodes[node - 1]
        block = self._shared.blocks[node - 1]
        x = source if rows.tasks == keepers.tasks else source.index_select(0, self._index(rows.index(keepers)))
        members = [self._at(t, node) for t in keepers.tasks]
        if any(member.statistics for member in members):
            return self._scaled_block(block, members, keepers, x)
        y = block(x)
        alphas = self._spread([member.alpha for member in members], keepers)
        return torch.addcmul(self._bias(node, keepers), y, alphas, out=y)

    def _scaled_block(self, block: SharedBlock, members: list[NodeAdapter], keepers: Rows, x: Tensor) -> Tensor:
        scales = [_statistics_of(member, block) for member in members]
        y = x
        for index, conv in enumerate(block.branch[:-1]):
            y = conv(y, biased=False)
            scale = self._spread([s.inner[index][0] for s in scales], keepers)
            shift = self._spread([s.inner[index][1] for s in scales], keepers)
            y = torch.addcmul(shift, y, scale, out=y).relu_()
        y = block.branch[-1](y, biased=False)
        shift = self._spread([s.shift for s in scales], keepers)
        y = torch.addcmul(shift, y, self._spread([s.last for s in scales], keepers), out=y)
        residual = x if block.shortcut is None else block.shortcut(x, biased=False)
        return y.addcmul_(residual, self._spread([s.shortcut for s in scales], keepers))

    def _add_proxy(self, own: Tensor, task: int, proxy: ProxyAdapter) -> None:
        """own (n H W, C_l) += the proxy's output for one task's rows."""
        rows, source = self._source(proxy)
        x = source[rows.of(task)].view(-1, source.shape[-1])
        if proxy.inner_bias is not None:
            x = torch.addmm(proxy.inner_bias, x, proxy.weights[0]).relu_()
        own.addmm_(x, proxy.weights[-1])

    def _source(self, proxy: ProxyAdapter) -> tuple[Rows, Tensor]:
        """A proxy's input; max-pooling has no weights, so it runs once for all tasks and nodes that want it."""
        if proxy.ratio == 1:
            return self._nodes[proxy.source]
        key = (proxy.source, proxy.ratio)
        if key not in self._pooled:
            rows, x = self._nodes[proxy.source]
            wanting = rows.subset(t for t in rows.tasks if key in self._adapters[t].pools)
            if wanting is not rows:
                x = x.index_select(0, self._index(rows.index(wanting)))
            self._pooled[key] = (wanting, max_pool(x, kernel=proxy.ratio + 1, stride=proxy.ratio))
        return self._pooled[key]

    def _logits(self, features: Tensor) -> list[NDArray[np.float32]]:
        logits = [
            torch.addmm(adapter.head_bias, features[self._all.of(task)], adapter.head_weight.t())
            for task, adapter in enumerate(self._adapters)
        ]
        arrays = self._device.fetch(logits)
        return [
            arrays[group][first : first + len(part.images)]
            for (group, first), part in zip(self._places, self._parts, strict=True)
        ]

    def _at(self, task: int, node: int) -> NodeAdapter:
        return self._adapters[task].nodes[node]

    def _bias(self, node: int, rows: Rows) -> Tensor:  # (N or 1, 1, 1, C_l)
        return self._spread([self._at(t, node).bias for t in rows.tasks], rows)

    def _spread(self, vectors: Sequence[Tensor | None], rows: Rows) -> Tensor:
        """One vector a task -> one a row, (N or 1, 1, 1, C)."""
        present = [vector for vector in vectors if vector is not None]
        assert len(present) == len(rows.tasks)
        if len(present) == 1:
            return present[0].view(1, 1, 1, -1)
        stacked = torch.stack(present)
        if rows.total > len(rows.tasks):
            stacked = stacked.index_select(0, self._index(rows.owners()))
        return stacked[:, None, None, :]

    def _index(self, rows: list[int]) -> Tensor:
        return torch.tensor(rows, device=self._device.place)

    def _drop_used(self, node: int) -> None:
        """Free every activation that no later node reads."""
        for source in [s for s in self._nodes if max(a.last_use[s] for a in self._adapters) <= node]:
            del self._nodes[source]
            for key in [key for key in self._pooled if key[0] == source]:
                del self._pooled[key]


def _statistics_of(member: NodeAdapter, block: SharedBlock) -> adapters.Statistics:
    """The member's own statistics, or the backbone's in the same form."""
    if member.statistics is not None:
        return member.statistics
    assert member.alpha is not None
    last = block.branch[-1].bias
    shift = last if block.shortcut is None else last + block.shortcut.bias
    return adapters.Statistics(
        inner=tuple((torch.ones_like(conv.bias), conv.bias) for conv in block.branch[:-1]),
        last=member.alpha.expand_as(last),
        shortcut=member.alpha if block.shortcut is None else member.alpha.expand_as(last),
        shift=torch.addcmul(member.bias, shift, member.alpha),
    )
