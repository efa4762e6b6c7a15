"""How this server's bundles get from one tier to the next."""

from collections.abc import Callable

from nettailor import bundle as bundles
from nettailor.bundle import Bundle, check_backbone
from server.adapters import Adapter
from server.engine import Engine
from server.tiers import BundleId


class BundleLoader:
    """A `tiers.Loader` over a blob store and the engine."""

    def __init__(self, read_blob: Callable[[str], bytes], engine: Engine) -> None:
        self._read_blob = read_blob
        self._engine = engine

    def fetch(self, id: BundleId) -> bytes:
        """Raises `BlobMissing`, `BlobCorrupt`."""
        return self._read_blob(id.digest)

    def decode(self, id: BundleId, data: bytes) -> Bundle:
        """Raises subclasses of `BundleInvalid`."""
        bundle = bundles.decode(data)
        check_backbone(bundle, self._engine.fingerprint)
        return bundle

    def pack(self, id: BundleId, bundle: Bundle) -> Adapter:
        return self._engine.pack(bundle)

    def host_bytes(self, bundle: Bundle) -> int:
        return bundle.size_bytes

    def device_bytes(self, ready: Adapter) -> int:
        return ready.size_bytes
