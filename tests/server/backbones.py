"""Backbones for tests that run no network."""

from dataclasses import dataclass

from server.residency.backbones import Backbones


@dataclass(kw_only=True)
class FakeEngine:
    fingerprint: str
    size_bytes: int = 0
    is_idle: bool = True


def only(fingerprint: str) -> Backbones[FakeEngine]:
    """The server's own, and no other."""
    return Backbones(FakeEngine(fingerprint=fingerprint), "mini26")
