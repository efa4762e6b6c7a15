"""Whether a file answers as the engine does, tried before anybody gets it.

Legend: N images, S pixels a side, K classes.
"""

from dataclasses import dataclass

import numpy as np

from nettailor.bundle.bundle import Bundle
from nettailor.network.backbones import Backbone
from server.engine.engine import Engine, Part
from server.errors import ExportUnfaithful
from server.export.batches import Logits, Pixels, in_batches
from server.export.options import ExportDtype
from server.kernels.device import open_device

IMAGES = 64
_COARSE = 8  # the coarse half of the images has this many patches a side
# Differences of logits, as a share of the largest logit or of 1. fp16 has 11 bits, and a network rounds in every layer.
TOLERANCES = {ExportDtype.fp32: 1e-4, ExportDtype.fp16: 3e-2}


@dataclass(frozen=True, kw_only=True)
class Verification:
    """How near a file's answers are to the engine's, in fp32 on the CPU."""

    top1_agreement: float  # share of the images
    difference: float  # the largest, relative as in `TOLERANCES`


def sample_images(side: int) -> Pixels:
    """(N, S, S, 3), always the same: half of them noise, half of them large patches of colour."""
    random = np.random.default_rng(0)
    noise = random.integers(0, 256, (IMAGES // 2, side, side, 3), np.uint8)
    patches = random.integers(0, 256, (IMAGES // 2, _COARSE, _COARSE, 3), np.uint8)
    places = np.arange(side) * _COARSE // side
    return np.concatenate([noise, patches[:, places][:, :, places]])


def engine_logits(bundle: Bundle, backbone: Backbone, pixels: Pixels) -> Logits:
    """(N, K) for pixels (N, S, S, 3), in fp32 on the CPU. Raises `BundleWrongBackbone`."""
    engine = Engine(backbone, open_device("cpu", "float32", winograd=False))
    adapter = engine.pack(bundle)

    def run(some: Pixels) -> Logits:
        images = np.ascontiguousarray(some.transpose(0, 3, 1, 2))
        return engine.forward(images, [Part(adapter=adapter, images=range(len(images)))])[0]

    return in_batches(run, pixels)


def verify(found: Logits, expected: Logits, dtype: ExportDtype) -> Verification:
    """Raises `ExportUnfaithful`: a difference beyond the tolerance or, in fp32, another top-1."""
    scale = max(1.0, float(np.abs(expected).max()))
    difference = float(np.abs(found - expected).max()) / scale
    chosen = expected[np.arange(len(expected)), found.argmax(1)]
    tied = TOLERANCES[ExportDtype.fp32] * scale  # classes nearer than that are one to the engine as well
    agreement = float((expected.max(1) - chosen <= tied).mean())
    if not difference <= TOLERANCES[dtype] or (dtype is ExportDtype.fp32 and agreement < 1):  # NaN is not within it
        raise ExportUnfaithful(difference, agreement)
    return Verification(top1_agreement=agreement, difference=difference)
