"""The words of residency: tiers, ids, and what it needs from others (torch-free).

Tiers: `device` (ready to run), `host` (verified, in memory), `disk` (the same in a file), `registry` (everything).
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
H = TypeVar("H")  # a bundle in the host tier
D = TypeVar("D")  # a bundle in the device tier


class Tier(StrEnum):
    DEVICE = "device"
    HOST = "host"
    DISK = "disk"
    REGISTRY = "registry"


@dataclass(frozen=True, kw_only=True, order=True, slots=True)
class BundleId:
    """Names one immutable bundle for ever."""

    task: str
    version: int
    digest: str
    int8: bool = False  # made ready for the pass in 8 bits


class Loader(Protocol[H, D]):
    """The steps from one tier to the next; called in loader threads, several at once."""

    def fetch(self, id: BundleId) -> H:
        """Fetch a bundle from the registry and check it."""

    def to_disk(self, bundle: H) -> Bytes: ...

    def from_disk(self, data: Bytes) -> H:
        """Parse what `to_disk` wrote."""

    def pack(self, bundle: H) -> D:
        """Make a bundle in host memory ready to run."""

    def host_bytes(self, bundle: H) -> int: ...

    def device_bytes(self, ready: D) -> int: ...


class Observer(Protocol):
    def looked_up(self, tier: Tier) -> None: ...

    def evicted(self, tier: Tier) -> None: ...

    def load_failed(self, failure: BaseException) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Resident:
    """A row of the residency table."""

    id: BundleId
    tier: Tier
    size_bytes: int
    users: int
    pinned: bool


@dataclass(frozen=True, kw_only=True)
class Budgets:
    """Measured bytes. A bundle in use or pinned stays on the device even beyond its budget; a budget of 0 for the
    host means that there is no host tier."""

    device_bytes: int
    host_bytes: int
