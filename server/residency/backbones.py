"""Which backbones this server can use, and the engines of those that were needed so far (torch-free).

A bundle names its backbone by fingerprint. The server starts with one, its own; the others are in the registry, and are
loaded when the first bundle needs them. One whose last bundle has left the device makes room when another needs it.
"""

import logging
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from nettailor.bundle.manifest import BackboneReference
from registry.journal.records import BackboneAdded
from server.errors import BackboneDoesNotFit, BackboneNotHere

logger = logging.getLogger(__name__)


class BackboneEngine(Protocol):
    """What holds one backbone on the device."""

    @property
    def fingerprint(self) -> str: ...

    @property
    def size_bytes(self) -> int:
        """Of the shared network, as it is now: it grows with the sizes of images that it is prepared for."""

    @property
    def is_idle(self) -> bool:
        """Whether no bundle on the device is for this backbone."""


E = TypeVar("E", bound=BackboneEngine)
E_co = TypeVar("E_co", bound=BackboneEngine, covariant=True)


@dataclass(frozen=True, kw_only=True)
class BackboneLimits:
    """Of all backbones in memory, the server's own among them; that one is loaded whatever the limits are."""

    most: int
    budget_bytes: int


class Loader(Protocol[E_co]):
    def expected_bytes(self, stored: BackboneAdded) -> int:
        """What its shared network will take on the device, at least."""

    def load(self, stored: BackboneAdded) -> E_co:
        """Raises `BlobMissing`, `BlobCorrupt`, `BackboneWeightsInvalid`, `OSError`."""


class Backbones(Generic[E]):
    """Thread-safe. `running` takes no lock: it is asked with every batch."""

    def __init__(
        self, own: E, name: str, loader: Loader[E] | None = None, limits: BackboneLimits | None = None
    ) -> None:
        """Without a loader there is the server's own, and no other."""
        self.own = own
        self._own_name = name
        self._loader = loader
        self._limits = limits or BackboneLimits(most=1, budget_bytes=0)
        self._lock = threading.Lock()
        self._loading = threading.Lock()  # one at a time, or two could take the same room; taken before _lock
        self._engines: dict[str, E] = {own.fingerprint: own}
        self._pending: dict[str, int] = {}  # by fingerprint, how many are making bundles ready for it
        self._stored: Mapping[str, BackboneAdded] = {}

    def update(self, stored: Iterable[BackboneAdded]) -> None:
        """Bring the list to what the registry says. One that is gone from it leaves when no bundle needs it."""
        if self._loader is None:
            return
        self._stored = {record.fingerprint: record for record in stored}
        with self._lock:
            for fingerprint in [found for found in self._engines if found not in self._stored]:
                self._release_if_idle(fingerprint)

    def knows(self, fingerprint: str) -> bool:
        """Whether bundles for it can be made ready, as far as is known here."""
        return fingerprint in self._engines or fingerprint in self._stored

    def stored(self, fingerprint: str) -> BackboneAdded | None:
        """What the registry has; None for the server's own, and for what is unknown."""
        return None if fingerprint == self.own.fingerprint else self._stored.get(fingerprint)

    def running(self, fingerprint: str) -> E:
        """The engine of a bundle that is on the device."""
        return self._engines[fingerprint]

    @contextmanager
    def using(self, needed: BackboneReference) -> Iterator[E]:
        """The engine to make a bundle ready with; it stays while this lasts. The first use loads it: seconds.

        Raises `BackboneNotHere`, `BackboneDoesNotFit`, and what `Loader.load` raises.
        """
        fingerprint = needed.fingerprint
        engine = self._taken(fingerprint) or self._loaded(needed)
        try:
            yield engine
        finally:
            with self._lock:
                self._pending[fingerprint] -= 1
                if not self._pending[fingerprint]:
                    del self._pending[fingerprint]

    def __len__(self) -> int:
        """How many are in memory."""
        return len(self._engines)

    @property
    def size_bytes(self) -> int:
        """Of all shared networks in memory."""
        return sum(engine.size_bytes for engine in list(self._engines.values()))

    @property
    def names(self) -> list[str]:
        """Of those in memory, the server's own first."""
        others = (self._stored.get(found) for found in list(self._engines) if found != self.own.fingerprint)
        return [self._own_name, *sorted(record.name for record in others if record is not None)]

    def _taken(self, fingerprint: str) -> E | None:
        with self._lock:
            engine = self._engines.get(fingerprint)
            if engine is not None:
                self._pending[fingerprint] = self._pending.get(fingerprint, 0) + 1
            return engine

    def _loaded(self, needed: BackboneReference) -> E:
        with self._loading:
            engine = self._taken(needed.fingerprint)  # another bundle's, meanwhile
            if engine is not None:
                return engine
            stored = self._stored.get(needed.fingerprint)
            if stored is None or self._loader is None:
                raise BackboneNotHere(needed.id, needed.fingerprint)
            self._make_room(stored, self._loader.expected_bytes(stored))
            engine = self._loader.load(stored)
            assert engine.fingerprint == needed.fingerprint, f"{stored.name} is not what the registry says it is"
            with self._lock:
                self._engines = {**self._engines, needed.fingerprint: engine}
                self._pending[needed.fingerprint] = self._pending.get(needed.fingerprint, 0) + 1
        logger.info("loaded backbone %s (%s)", stored.name, stored.fingerprint[:12])
        return engine

    def _make_room(self, stored: BackboneAdded, size_bytes: int) -> None:
        """Raises `BackboneDoesNotFit`."""
        for fingerprint in list(self._engines):
            if self._fits(size_bytes):
                return
            with self._lock:
                self._release_if_idle(fingerprint)
        if not self._fits(size_bytes):
            raise BackboneDoesNotFit(
                stored.name,
                size_bytes=size_bytes,
                held=len(self._engines),
                held_bytes=self.size_bytes,
                most=self._limits.most,
                budget_bytes=self._limits.budget_bytes,
            )

    def _fits(self, size_bytes: int) -> bool:
        return len(self._engines) < self._limits.most and self.size_bytes + size_bytes <= self._limits.budget_bytes

    def _release_if_idle(self, fingerprint: str) -> None:
        """Within the lock."""
        engine = self._engines[fingerprint]
        if engine is not self.own and fingerprint not in self._pending and engine.is_idle:
            self._engines = {key: value for key, value in self._engines.items() if key != fingerprint}
            logger.info("released backbone %s", fingerprint[:12])
