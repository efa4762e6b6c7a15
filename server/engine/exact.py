"""The shared network in float32 beside the one in 8 bits, for bundles that the latter cannot or may not run."""

import logging
import threading
import weakref
from collections.abc import Callable
from dataclasses import replace

from nettailor.network.backbones import Backbone
from server.engine.backbone import SharedNetwork, pack_shared
from server.errors import BackboneNotHere
from server.kernels.device import Device

logger = logging.getLogger(__name__)


class ExactNetwork:
    """Made when the first bundle needs it, gone with the last that holds it. Thread-safe."""

    def __init__(
        self, shared: SharedNetwork, read: Callable[[], Backbone], device: Device, *, fingerprint: str
    ) -> None:
        """`fingerprint` is that of the backbone which `shared` was made of, and which `read` reads again."""
        self._shared, self._read, self._device, self._fingerprint = shared, read, device, fingerprint
        self._made: weakref.ref[SharedNetwork] | None = None
        self._making = threading.Lock()

    def __call__(self) -> SharedNetwork:
        """The first call takes as long as loading a backbone, and raises what that raises.

        Raises `BackboneNotHere` where other weights are read than at first: somebody has changed their file.
        """
        with self._making:
            network = self._alive()
            if network is None:
                network = replace(pack_shared(self._backbone(), self._device), stem=self._shared.stem)
                self._made = weakref.ref(network)
                logger.info("the shared network is in memory in float32 as well, for bundles that int8 does not run")
            return network

    @property
    def size_bytes(self) -> int:
        """Of its blocks, as long as it is there."""
        network = self._alive()
        return 0 if network is None else network.size_bytes - network.stem.size_bytes

    def _backbone(self) -> Backbone:
        backbone = self._read()
        if backbone.fingerprint() != self._fingerprint:
            raise BackboneNotHere(backbone.name, self._fingerprint)
        return backbone

    def _alive(self) -> SharedNetwork | None:
        return None if self._made is None else self._made()
