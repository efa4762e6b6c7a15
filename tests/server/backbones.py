"""Backbones for tests that run no network."""

from dataclasses import dataclass, field

from registry.journal.records import BackboneAdded
from server.residency.backbones import Backbones


@dataclass(kw_only=True)
class FakeEngine:
    fingerprint: str
    size_bytes: int = 0
    is_idle: bool = True


@dataclass(kw_only=True, eq=False)
class FakeLoader:
    loaded: list[str] = field(default_factory=list)

    def expected_bytes(self, stored: BackboneAdded) -> int:
        return stored.size_bytes

    def load(self, stored: BackboneAdded) -> FakeEngine:
        self.loaded.append(stored.name)
        return FakeEngine(fingerprint=stored.fingerprint, size_bytes=stored.size_bytes)


def only(fingerprint: str) -> Backbones[FakeEngine]:
    """The server's own, and no other."""
    return Backbones(FakeEngine(fingerprint=fingerprint), "mini26")
