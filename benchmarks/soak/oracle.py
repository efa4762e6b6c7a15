"""What a version must answer, worked out apart from the service: the unfused student, one image, fp32."""

import io
import threading
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image

from nettailor.bundle.bundle import decode as decode_bundle
from nettailor.bundle.bundle import digest_of
from nettailor.images import decode, normalise, prepare
from nettailor.network.backbones import Backbone
from nettailor.network.student import Student

_TOLERANCE = 2e-3  # of a probability: the engine folds batch-norm and may use minimal filtering


def pictures(count: int) -> list[bytes]:
    """Distinct PNGs."""
    rng = np.random.default_rng(0)
    found = []
    for _ in range(count):
        buffer = io.BytesIO()
        pixels = rng.integers(0, 256, (4, 4, 3)).astype(np.uint8)
        Image.fromarray(pixels).resize((40, 40), Image.Resampling.BICUBIC).save(buffer, "PNG")
        found.append(buffer.getvalue())
    return found


@dataclass(frozen=True, kw_only=True)
class Expected:
    """Class probabilities of every picture, by label."""

    rows: tuple[dict[str, float], ...]

    def fits(self, picture: int, predictions: list[dict[str, Any]]) -> bool:
        wanted = self.rows[picture]
        return bool(predictions) and all(
            abs(wanted.get(str(row["label"]), -1.0) - float(row["probability"])) <= _TOLERANCE for row in predictions
        )


class Oracle:
    """Fetches a bundle the first time one of its answers is to be checked; safe from many threads."""

    def __init__(self, backbone: Backbone, images: list[bytes]) -> None:
        self._backbone, self._images = backbone, images
        self._known: dict[str, Expected] = {}
        self._lock = threading.Lock()

    def expected(self, digest: str, bundle: bytes) -> Expected:
        with self._lock:
            if digest not in self._known:
                assert digest_of(bundle) == digest
                self._known[digest] = self._worked_out(bundle)
            return self._known[digest]

    def knows(self, digest: str) -> Expected | None:
        return self._known.get(digest)

    @torch.inference_mode()
    def _worked_out(self, data: bytes) -> Expected:
        bundle = decode_bundle(data)
        student, preprocessing = Student.from_bundle(self._backbone, bundle), bundle.manifest.preprocessing
        pixels = np.stack(
            [prepare(decode(image, value_range=preprocessing.value_range), preprocessing) for image in self._images]
        )
        probabilities = torch.softmax(student(torch.from_numpy(normalise(pixels, preprocessing))), 1).tolist()
        names = bundle.manifest.classes
        return Expected(rows=tuple(dict(zip(names, row, strict=True)) for row in probabilities))
