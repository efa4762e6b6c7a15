"""`nettailor doctor --expect-features`: whether the backbone computes what the user's own model does.

Names and shapes of weights do not tell everything: where a network strides, pools or blurs has no tensors.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

from cli.doctor.finding import Finding, fail, ok, warn
from cli.doctor.machine import is_local
from server.settings import ServerSettings

_CHECK = "features"
_TOLERANCE = (
    0.002  # of the largest feature: rounding to fp32 or fp16 on another device stays below, no other network does
)
_ADVICE = (
    "the weights are of a network that computes something else; see the weights that are read in docs/operations.md"
)


def expected_features(settings: ServerSettings, path: Path) -> Iterator[Finding]:
    """`path` holds `images` (N, 3, H, W), as they go into the network, and the pooled `features` (N, C)."""
    if not is_local(settings):
        yield warn(_CHECK, f"{settings.backbone} is not on this machine", "see what is said of the backbone")
        return
    arrays = _arrays(path)
    if isinstance(arrays, str):
        yield fail(_CHECK, f"{path}: {arrays}", "docs/operations.md shows how the file is made")
        return
    yield _compared(settings, arrays["images"], arrays["features"])


def _arrays(path: Path) -> Mapping[str, Any] | str:
    """Both arrays in fp32, or what is wrong with the file."""
    import numpy as np
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        if path.suffix == ".safetensors":
            found = dict(load_file(path))
        else:
            with path.open("rb") as file:
                found = dict(np.load(file, allow_pickle=False))
    except (OSError, ValueError, TypeError, EOFError, BadZipFile, SafetensorError) as error:
        return f"cannot be read: {error}"
    images, features = found.get("images"), found.get("features")
    if images is None or features is None:
        return f"holds {', '.join(sorted(found)) or 'nothing'}, not `images` and `features`"
    if (
        images.ndim != 4
        or images.shape[1] != 3
        or features.ndim != 2
        or len(images) != len(features)
        or not len(images)
    ):
        return f"images are {images.shape} and features {features.shape}, not (N, 3, H, W) and (N, C)"
    if not np.isfinite(features).all():
        return "features are not finite"
    return {"images": images.astype("float32"), "features": features.astype("float32")}


def _compared(settings: ServerSettings, images: Any, expected: Any) -> Finding:
    import torch

    from nettailor.network.backbones import load_backbone

    backbone = load_backbone(settings.backbone, settings.backbone_weights)
    with torch.inference_mode():
        found = backbone(torch.from_numpy(images)).numpy()
    if found.shape != expected.shape:
        return fail(_CHECK, f"{found.shape[1]} an image, not {expected.shape[1]}", _ADVICE)
    share = float(abs(found - expected).max() / max(abs(expected).max(), 1e-30))
    text = f"of {len(images)} images differ from the file's by at most {share:.2g} of the largest"
    return ok(_CHECK, text) if share <= _TOLERANCE else fail(_CHECK, text, _ADVICE)
