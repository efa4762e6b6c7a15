"""From a file of weights as training tools write it to the file that a registry keeps."""

from pathlib import Path

from cli.errors import CannotRead, WeightsUnusable
from nettailor.errors import FeaturesOther, NetTailorError
from nettailor.network.backbones import backbone_in
from nettailor.network.expected_features import read_expected
from nettailor.network.stored_backbone import stored_bytes


def canonical_file(path: Path, *, architecture: str | None, expect_features: Path | None) -> bytes:
    """The backbone of a file, checked. Raises `CannotRead`, `WeightsUnusable`."""
    try:
        path.open("rb").close()  # one that is not there would be told as weights that do not fit
    except OSError as error:
        raise CannotRead(path, error) from error
    try:
        backbone = backbone_in(path, architecture)
        if expect_features is not None:
            read_expected(expect_features).compare(backbone)
    except FeaturesOther as error:
        raise WeightsUnusable(f"{path} computes other features than {expect_features} holds: {error}") from error
    except NetTailorError as error:
        raise WeightsUnusable(str(error)) from error
    return stored_bytes(backbone)
