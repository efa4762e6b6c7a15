from pathlib import Path

import pytest
import redis

from registry.registry import Registry
from registry.storage.blobs import Blobs
from server.prediction.live_sides import live_sides
from tests.server.asking import publish
from tests.server.oracle import fingerprint


def test_sides_are_those_of_live_versions_for_this_backbone(registry: Registry) -> None:
    assert live_sides(registry, fingerprint()) == []
    publish(registry, "signs")
    assert live_sides(registry, fingerprint()) == [32]
    assert live_sides(registry, "f" * 64) == []
    registry.unalias("signs", "live", actor="test", reason="test")
    assert live_sides(registry, fingerprint()) == []


def test_a_registry_that_is_not_there_has_none(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    nowhere = redis.Redis(unix_socket_path=str(tmp_path / "nobody"))
    assert live_sides(Registry(Blobs(str(tmp_path / "blobs")), nowhere), fingerprint()) == []
    assert "not known yet" in caplog.text
