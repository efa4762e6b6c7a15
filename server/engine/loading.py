"""How this server's bundles get from one tier to the next."""

from collections.abc import Callable

from nettailor.bundle.bundle import check_backbone, decode
from server.engine import folded
from server.engine.adapters import Adapter
from server.engine.engine import Engine
from server.engine.folded import FoldedBundle
from server.residency.tiers import BundleId, Bytes


class BundleLoader:
    """A `tiers.Loader` over a blob store and the engine."""

    def __init__(self, read_blob: Callable[[str], bytes], engine: Engine) -> None:
        self._read_blob = read_blob
        self._engine = engine

    def fetch(self, id: BundleId) -> FoldedBundle:
        """Raises `BlobMissing`, `BlobCorrupt`, subclasses of `BundleInvalid`."""
        return self._engine.fold(decode(self._read_blob(id.digest)))

    def to_disk(self, bundle: FoldedBundle) -> Bytes:
        return folded.to_bytes(bundle)

    def from_disk(self, data: Bytes) -> FoldedBundle:
        """Raises `BundleWrongBackbone`."""
        bundle = folded.from_bytes(data)
        check_backbone(bundle.manifest, self._engine.fingerprint)
        return bundle

    def pack(self, bundle: FoldedBundle) -> Adapter:
        return self._engine.upload(bundle)

    def host_bytes(self, bundle: FoldedBundle) -> int:
        return bundle.size_bytes

    def device_bytes(self, ready: Adapter) -> int:
        return ready.size_bytes
