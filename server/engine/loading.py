"""How this server's bundles and backbones get from one tier to the next."""

import math
from collections.abc import Callable

import torch

from nettailor.network.backbones import Backbone
from nettailor.network.stored_backbone import stored_backbone
from registry.journal.records import BackboneAdded
from registry.versions.chains import read_linked
from server.engine import folded
from server.engine.engine import Engine
from server.engine.folded import FoldedBundle
from server.engine.ready import Ready
from server.engine.whole.packed import packed_numbers
from server.errors import NetworkDoesNotFit
from server.kernels.device import Device
from server.residency.backbones import Backbones
from server.residency.tiers import BundleId, Bytes

ReadBlob = Callable[[str], bytes]  # by digest; raises `BlobMissing`, `BlobCorrupt`


class BundleLoader:
    """A `tiers.Loader` over a blob store and the engines of the backbones that bundles name. No network of a task's own
    may take more than `largest_network` bytes on the device."""

    def __init__(self, read_blob: ReadBlob, backbones: Backbones[Engine], *, largest_network: float = math.inf) -> None:
        self._read_blob = read_blob
        self._backbones = backbones
        self._largest_network = largest_network

    def fetch(self, id: BundleId) -> FoldedBundle:
        """Raises `BlobMissing`, `BlobCorrupt`, subclasses of `BundleInvalid`, and as `Backbones.using`."""
        bundle = read_linked(self._read_blob(id.digest), self._read_blob)
        with self._backbones.using(bundle.manifest.backbone) as engine:
            return engine.fold(bundle, exact=not id.int8)

    def to_disk(self, bundle: FoldedBundle) -> Bytes:
        return folded.to_bytes(bundle)

    def from_disk(self, data: Bytes) -> FoldedBundle:
        return folded.from_bytes(data)

    def pack(self, bundle: FoldedBundle) -> Ready:
        """Raises `NetworkDoesNotFit`, and as `Backbones.using`."""
        with self._backbones.using(bundle.manifest.backbone) as engine:
            if bundle.manifest.is_whole or bundle.manifest.is_packed:
                self._check_fits(bundle, engine)
            return engine.upload(bundle)

    def _check_fits(self, bundle: FoldedBundle, engine: Engine) -> None:
        """Before memory is taken for it."""
        numbers = packed_numbers(bundle) if bundle.manifest.is_packed else bundle.flat.size
        size_bytes = numbers * engine.device.dtype.itemsize
        if size_bytes > self._largest_network:
            task = bundle.manifest.task
            raise NetworkDoesNotFit(task, size_bytes=size_bytes, budget_bytes=int(self._largest_network))

    def host_bytes(self, bundle: FoldedBundle) -> int:
        return bundle.size_bytes

    def device_bytes(self, ready: Ready) -> int:
        return ready.size_bytes


class BackboneLoader:
    """A `backbones.Loader` over a blob store, for one device."""

    def __init__(self, read_blob: ReadBlob, device: Device, *, largest_batch: int) -> None:
        """`largest_batch` is in rows."""
        self._read_blob = read_blob
        self._device = device
        self._largest_batch = largest_batch

    def expected_bytes(self, stored: BackboneAdded) -> int:
        """The file has fp32."""
        itemsize = torch.int8.itemsize if self._device.int8 else self._device.dtype.itemsize
        return stored.size_bytes * itemsize // torch.float32.itemsize

    def load(self, stored: BackboneAdded) -> Engine:
        """Raises `BlobMissing`, `BlobCorrupt`, `BackboneWeightsInvalid`, `OSError`."""

        def read() -> Backbone:
            return stored_backbone(self._read_blob(stored.digest), stored.name)

        return Engine(read(), self._device, again=read, measures=True, largest_batch=self._largest_batch)
