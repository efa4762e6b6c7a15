"""Features that the user's own model gives, and whether a backbone gives the same.

Names and shapes of weights do not tell everything: where a network strides, pools or blurs has no tensors.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file

from nettailor.errors import FeaturesFileInvalid, FeaturesOther
from nettailor.network.backbones import Backbone

# Of the largest feature: rounding to fp32 or fp16 on another device stays below, no other network does.
TOLERANCE = 0.002


@dataclass(frozen=True, kw_only=True, eq=False)
class ExpectedFeatures:
    images: NDArray[np.float32]  # (N, 3, H, W), as they go into the network
    features: NDArray[np.float32]  # (N, C), pooled

    def compare(self, backbone: Backbone) -> str:
        """How close the backbone's features are, in words. Raises `FeaturesOther` if they are others."""
        with torch.inference_mode():
            found = backbone(torch.from_numpy(self.images)).numpy()
        if found.shape != self.features.shape:
            raise FeaturesOther(f"{found.shape[1]} an image, not {self.features.shape[1]}")
        share = float(abs(found - self.features).max() / max(abs(self.features).max(), 1e-30))
        text = f"of {len(self.images)} images differ from the file's by at most {share:.2g} of the largest"
        if share > TOLERANCE:
            raise FeaturesOther(text)
        return text


def read_expected(path: Path) -> ExpectedFeatures:
    """The arrays `images` and `features` of a .npz or .safetensors file. Raises `FeaturesFileInvalid`."""
    arrays = _arrays(path)
    images, features = arrays.get("images"), arrays.get("features")
    if images is None or features is None:
        raise FeaturesFileInvalid(path, f"holds {', '.join(sorted(arrays)) or 'nothing'}, not `images` and `features`")
    shaped = images.ndim == 4 and images.shape[1] == 3 and features.ndim == 2
    if not shaped or len(images) != len(features) or not len(images):
        reason = f"images are {images.shape} and features {features.shape}, not (N, 3, H, W) and (N, C)"
        raise FeaturesFileInvalid(path, reason)
    if not np.isfinite(features).all():
        raise FeaturesFileInvalid(path, "features are not finite")
    return ExpectedFeatures(images=images.astype("float32"), features=features.astype("float32"))


def _arrays(path: Path) -> Mapping[str, NDArray[Any]]:
    try:
        if path.suffix == ".safetensors":
            return dict(load_file(path))
        with path.open("rb") as file:
            return dict(np.load(file, allow_pickle=False))
    except (OSError, ValueError, TypeError, EOFError, BadZipFile, SafetensorError) as error:
        raise FeaturesFileInvalid(path, f"cannot be read: {error}") from error
