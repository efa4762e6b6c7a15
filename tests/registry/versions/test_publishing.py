from typing import Any

import pytest

from nettailor.bundle.bundle import encode
from nettailor.errors import BundleManifestInvalid
from registry.registry import Registry
from tests.bundles import random_bundle
from tests.registry.nesting import nested


def _bytes(**changes: Any) -> bytes:
    manifest, tensors = random_bundle(classes=2)
    return encode(manifest.model_copy(update=changes), tensors)


@pytest.mark.parametrize(
    "changes",
    [
        {"recipe": nested(40)},
        {"recipe": nested(195)},  # a bundle that can be read, but not as a part of a record
        {"recipe": {"seed": 10**30}},
        {"seed": 10**400},
        {"classes": ("stop", "a\x00b")},
        {"libraries": {"a\x00b": "1"}},
    ],
)
def test_a_manifest_that_could_not_be_read_back_is_refused(registry: Registry, changes: dict[str, Any]) -> None:
    with pytest.raises(BundleManifestInvalid):
        registry.publish("signs", _bytes(**changes), actor="me")
    assert list(registry.blobs.digests()) == []
    assert registry.tasks() == []


def test_what_people_name_their_classes_is_taken(registry: Registry) -> None:
    record = registry.publish("signs", _bytes(classes=("Straße", "停止 👩‍🔬")), actor="me")
    assert registry.version_record("signs", 1) == record
