import json

import pytest
from pydantic import ValidationError

from nettailor.bundle.bundle import decode, encode, manifest_json, parse_manifest
from nettailor.bundle.preprocessing import IMAGENET_MEAN, IMAGENET_STD, Preprocessing, ValueRange
from nettailor.errors import BundleManifestInvalid
from tests.bundles import random_bundle

PLAIN = Preprocessing(resize=40, crop=32, mean=IMAGENET_MEAN, std=IMAGENET_STD)


def test_a_value_range_that_is_not_there_is_not_written() -> None:
    """So bundles without it have the bytes that they had before there was one, and older readers take them."""
    fields = {"resize", "crop", "mean", "std", "interpolation"}
    assert PLAIN.model_dump().keys() == json.loads(PLAIN.model_dump_json()).keys() == fields
    manifest, _ = random_bundle()
    assert "value_range" not in manifest_json(manifest)
    assert parse_manifest(manifest_json(manifest)).preprocessing.value_range is None


@pytest.mark.parametrize("value_range", [(0, 4095), (-1024, 3071), (0, 2**32 - 1)])
def test_a_value_range_travels_in_the_bundle(value_range: ValueRange) -> None:
    manifest, tensors = random_bundle()
    ranged = manifest.preprocessing.model_copy(update={"value_range": value_range})
    data = encode(manifest.model_copy(update={"preprocessing": ranged}), tensors)
    assert decode(data).manifest.preprocessing == ranged


@pytest.mark.parametrize("value_range", [(5, 5), (9, 3), (0, 2**32), (-(2**31) - 1, 0)])
def test_a_range_that_is_none_is_refused(value_range: ValueRange) -> None:
    with pytest.raises(ValidationError, match="value_range"):
        Preprocessing(**PLAIN.model_dump(), value_range=value_range)


@pytest.mark.parametrize("text", ["[0]", "[0, 1, 2]", "[0.5, 9]", '["0", "9"]', "{}", "7"])
def test_what_is_no_range_in_a_manifest_is_refused(text: str) -> None:
    manifest = json.loads(manifest_json(random_bundle()[0]))
    manifest["preprocessing"]["value_range"] = json.loads(text)
    with pytest.raises(BundleManifestInvalid, match="value_range"):
        parse_manifest(json.dumps(manifest))
