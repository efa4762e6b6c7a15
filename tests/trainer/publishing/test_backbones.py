"""Weights that were trained on are in the registry once, whoever stored them."""

from typing import Any

import pytest

from nettailor.network.backbones import Backbone, build_backbone
from nettailor.network.stored_backbone import stored_bytes
from registry.errors import BackboneConflict
from registry.registry import Registry
from trainer.publishing.backbones import name_of, store_backbone


def test_weights_are_stored_once(registry: Registry, backbone: Backbone) -> None:
    for _ in range(2):
        store_backbone(registry, backbone, actor="trainer", note="of job 1")
    (record,) = registry.backbones.all()
    assert (record.name, record.fingerprint) == (name_of(backbone), backbone.fingerprint())


def test_weights_that_somebody_named_are_there(registry: Registry, backbone: Backbone) -> None:
    registry.add_backbone("ours", stored_bytes(backbone), actor="ada")
    store_backbone(registry, backbone, actor="trainer", note="")
    assert [record.name for record in registry.backbones.all()] == ["ours"]


def test_two_jobs_at_once(registry: Registry, backbone: Backbone, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other one stores the weights under another name between the look and the record."""
    add = registry.add_backbone

    def late(name: str, data: bytes, **given: Any) -> object:
        add("ours", data, actor="ada")
        return add(name, data, **given)

    monkeypatch.setattr(registry, "add_backbone", late)
    store_backbone(registry, backbone, actor="trainer", note="")
    assert [record.name for record in registry.backbones.all()] == ["ours"]


def test_a_name_that_other_weights_have(registry: Registry, backbone: Backbone) -> None:
    registry.add_backbone(name_of(backbone), stored_bytes(build_backbone("mini26")), actor="ada")
    with pytest.raises(BackboneConflict):
        store_backbone(registry, backbone, actor="trainer", note="")
