"""`nettailor doctor --expect-features`: whether the backbone computes what the user's own model does."""

from collections.abc import Iterator
from pathlib import Path

from cli.doctor.finding import Finding, fail, ok, warn
from cli.doctor.machine import is_local
from nettailor.errors import FeaturesFileInvalid, FeaturesOther
from server.settings import ServerSettings

_CHECK = "features"
_ADVICE = (
    "the weights are of a network that computes something else; see the weights that are read in docs/operations.md"
)


def expected_features(settings: ServerSettings, path: Path) -> Iterator[Finding]:
    """`path` holds `images` (N, 3, H, W), as they go into the network, and the pooled `features` (N, C)."""
    if not is_local(settings):
        yield warn(_CHECK, f"{settings.backbone} is not on this machine", "see what is said of the backbone")
        return
    from nettailor.network.backbones import load_backbone
    from nettailor.network.expected_features import read_expected

    try:
        expected = read_expected(path)
        yield ok(_CHECK, expected.compare(load_backbone(settings.backbone, settings.backbone_weights)))
    except FeaturesFileInvalid as error:
        yield fail(_CHECK, str(error), "docs/operations.md shows how the file is made")
    except FeaturesOther as error:
        yield fail(_CHECK, str(error), _ADVICE)
