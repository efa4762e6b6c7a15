"""Versions that lack activation ranges get them, as new versions with the same weights."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nettailor.bundle.bundle import Bundle, decode, encode
from nettailor.bundle.manifest import Method
from nettailor.network.backbones import Backbone, load_backbone
from registry.errors import AliasUnknown
from registry.journal.records import VersionRecord
from registry.registry import Registry
from tests.bundles import random_bundle
from tests.trainer.datasets import dataset_file
from trainer.errors import CannotCalibrate
from trainer.publishing.calibrate import calibrate


@pytest.fixture(scope="module")
def shipped() -> Backbone:
    return load_backbone("mini26")


def published(registry: Registry, backbone: Backbone, dataset: str, method: Method = "nettailor") -> VersionRecord:
    manifest, tensors = random_bundle(task="pets", fingerprint=backbone.fingerprint(), classes=2, method=method)
    changed = manifest.model_copy(update={"classes": ("cats", "dogs"), "dataset": dataset})
    return registry.publish("pets", encode(changed, tensors), actor="ada", job="j1")


def bundle_of(registry: Registry, record: VersionRecord) -> Bundle:
    return decode(registry.read_bundle(record))


def test_the_weights_stay_and_the_ranges_come(registry: Registry, shipped: Backbone, tmp_path: Path) -> None:
    stored = registry.blobs.put(dataset_file(tmp_path, 0).read_bytes())
    old = published(registry, shipped, stored)
    registry.promote("pets", "live", old.version, actor="ada", reason="")
    new = calibrate(registry, "pets", None, images=None, weights={}, actor="ada")
    before, after = bundle_of(registry, old), bundle_of(registry, new)
    assert (new.version, new.job, new.manifest.activation_ranges) == (2, "j1", True)
    assert all(np.array_equal(after.tensors[name], tensor) for name, tensor in before.tensors.items())
    assert all(name.startswith("ranges.") for name in after.tensors.keys() - before.tensors.keys())
    assert new.manifest.recipe["calibrated_from"] == old.digest
    costs = new.manifest.metrics.int8
    assert costs is not None
    assert costs.validation is not None
    assert costs.test is not None
    assert 0 <= costs.test.same <= 1
    assert registry.task("pets").aliases == {"live": 1}
    again = calibrate(registry, "pets", 1, images=None, weights={}, actor="bob")
    assert (again.version, again.digest) == (new.version, new.digest)


def test_the_old_bundle_is_kept_for_as_long_as_the_new_version_names_it(
    registry: Registry, shipped: Backbone, tmp_path: Path
) -> None:
    old = published(registry, shipped, registry.blobs.put(dataset_file(tmp_path, 0).read_bytes()))
    calibrate(registry, "pets", 1, images=None, weights={}, actor="ada")
    registry.delete_version("pets", 1, actor="ada", reason="")
    registry.collect_garbage(0, dry_run=False)
    assert registry.blobs.exists(old.digest)


def test_a_version_whose_cost_nobody_measured_is_measured(
    registry: Registry, shipped: Backbone, tmp_path: Path
) -> None:
    """As the points of a front that were not polished."""
    manifest, tensors = random_bundle(
        task="pets", fingerprint=shipped.fingerprint(), classes=2, activation_ranges=True, proxy_dtype="F16"
    )
    dataset = registry.blobs.put(dataset_file(tmp_path, 0).read_bytes())
    changed = manifest.model_copy(update={"classes": ("cats", "dogs"), "dataset": dataset})
    registry.publish("pets", encode(changed, tensors), actor="ada")
    picture = tmp_path / "one.jpg"
    Image.new("RGB", (40, 30), (90, 20, 200)).save(picture)
    with pytest.raises(CannotCalibrate, match="has activation ranges already"):  # images have no labels
        calibrate(registry, "pets", 1, images=[picture], weights={}, actor="ada")
    new = calibrate(registry, "pets", 1, images=None, weights={}, actor="ada")
    assert (new.version, new.manifest.proxy_dtype) == (2, "F16")
    assert new.manifest.metrics.int8 is not None
    assert bundle_of(registry, new).tensors.keys() == tensors.keys()
    with pytest.raises(CannotCalibrate, match="has activation ranges already"):
        calibrate(registry, "pets", 2, images=None, weights={}, actor="ada")


def test_images_do_in_place_of_the_data_set(registry: Registry, shipped: Backbone, tmp_path: Path) -> None:
    published(registry, shipped, "sha256:" + "d" * 64)
    with pytest.raises(CannotCalibrate, match="not in the registry: give images"):
        calibrate(registry, "pets", 1, images=None, weights={}, actor="ada")
    picture = tmp_path / "one.jpg"
    Image.new("RGB", (40, 30), (90, 20, 200)).save(picture)
    new = calibrate(registry, "pets", 1, images=[picture], weights={}, actor="ada")
    assert (new.manifest.activation_ranges, new.manifest.metrics.int8) == (True, None)
    assert new.manifest.recipe["calibration_images"] == 1
    broken = tmp_path / "two.jpg"
    broken.write_bytes(b"no image")
    with pytest.raises(CannotCalibrate, match=r"two.jpg cannot be read"):
        calibrate(registry, "pets", 1, images=[broken], weights={}, actor="ada")


def test_what_cannot_be_calibrated_says_why(registry: Registry, shipped: Backbone, tmp_path: Path) -> None:
    published(registry, shipped, "sha256:" + "d" * 64, "piggyback")
    with pytest.raises(AliasUnknown):
        calibrate(registry, "pets", None, images=None, weights={}, actor="ada")
    with pytest.raises(CannotCalibrate, match="piggyback has weights of its own"):
        calibrate(registry, "pets", 1, images=None, weights={}, actor="ada")
    manifest, tensors = random_bundle(task="pets", fingerprint=shipped.fingerprint(), activation_ranges=True)
    registry.publish("pets", encode(manifest, tensors), actor="ada")
    with pytest.raises(CannotCalibrate, match=r"not in the registry$"):  # images would not do
        calibrate(registry, "pets", 2, images=None, weights={}, actor="ada")
