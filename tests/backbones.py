"""Random weights in the file that a registry keeps, made without torch."""

import functools

import numpy as np

from nettailor.architecture.geometry import geometry
from nettailor.bundle.backbone_file import encode_backbone, tensor_shapes
from nettailor.bundle.safetensors_file import FloatArray


def random_weights(*, seed: int = 0, architecture: str = "mini26") -> dict[str, FloatArray]:
    rng = np.random.default_rng(seed)
    return {
        name: rng.uniform(0.1, 1.0, shape).astype(np.float32)
        for name, shape in tensor_shapes(geometry(architecture)).items()
    }


@functools.cache
def random_backbone_file(*, seed: int = 0, architecture: str = "mini26") -> bytes:
    """6 MB of a mini26."""
    return encode_backbone(architecture, random_weights(seed=seed, architecture=architecture))
