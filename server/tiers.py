"""The words of residency: tiers, ids, and what it needs from others (torch-free).

Tiers: `device` (ready to run), `host` (verified tensors), `disk` (verified file), `registry` (everything).
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, TypeVar

H = TypeVar("H")  # a bundle in the host tier
D = TypeVar("D")  # a bundle in the device tier


class Tier(StrEnum):
    DEVICE = "device"
    HOST = "host"
    DISK = "disk"
    REGISTRY = "registry"


@dataclass(frozen=True, kw_only=True, order=True)
class BundleId:
    """Names one immutable bundle for ever."""

    task: str
    version: int
    digest: str


class Loader(Protocol[H, D]):
    """The steps from one tier to the next; called in loader threads, several at once."""

    def fetch(self, id: BundleId) -> bytes:
        """registry -> verified bytes."""

    def decode(self, id: BundleId, data: bytes) -> H:
        """bytes -> checked tensors."""

    def pack(self, id: BundleId, bundle: H) -> D:
        """tensors -> ready to run."""

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
    """Measured bytes. A bundle in use or pinned stays on the device even beyond its budget."""

    device_bytes: int
    host_bytes: int
