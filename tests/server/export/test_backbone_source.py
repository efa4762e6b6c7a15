from pathlib import Path

import pytest

from nettailor.bundle.manifest import BackboneReference
from registry.journal.records import BACKBONES, BackboneAdded
from registry.storage.blobs import Blobs
from server.errors import BackboneNotHere
from server.export.backbone_source import BackboneSource
from server.residency.backbones import BackboneLimits, Backbones
from tests.server.backbones import FakeEngine, FakeLoader


def _needed(letter: str) -> BackboneReference:
    return BackboneReference(id="resnet18", fingerprint=letter * 64)


def test_each_version_has_the_weights_of_its_own_backbone(tmp_path: Path) -> None:
    blobs = Blobs(str(tmp_path / "blobs"))
    stored = BackboneAdded(
        task=BACKBONES,
        sequence=1,
        at="",
        actor="me",
        name="ours",
        architecture="resnet18",
        fingerprint="b" * 64,
        digest=blobs.put(b"weights"),
        size_bytes=7,
        note="",
    )
    own = FakeEngine(fingerprint="a" * 64)
    backbones = Backbones(own, "mini26", FakeLoader(), BackboneLimits(most=2, budget_bytes=100))
    backbones.update([stored])
    source = BackboneSource(own="mini26", weights=Path("mine.pth"), backbones=backbones, fetch=blobs.fetch)
    assert source.arguments(_needed("a"), tmp_path) == ["--backbone", "mini26", "--weights", "mine.pth"]
    assert list(tmp_path.glob("backbone*")) == []
    file = tmp_path / "backbone"
    assert source.arguments(_needed("b"), tmp_path) == ["--backbone", "resnet18", "--weights", str(file)]
    assert file.read_bytes() == b"weights"
    assert len(backbones) == 1  # it was not loaded here
    with pytest.raises(BackboneNotHere):
        source.arguments(_needed("c"), tmp_path)
