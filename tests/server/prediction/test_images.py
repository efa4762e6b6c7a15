"""What the decoding pool makes of a file."""

import asyncio
import io
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from PIL import Image

from nettailor import images
from nettailor.bundle.preprocessing import IMAGENET_MEAN, IMAGENET_STD, Preprocessing
from server.prediction.images import ImageReader

SMALL, LARGE = (Preprocessing(resize=side, crop=side, mean=IMAGENET_MEAN, std=IMAGENET_STD) for side in (8, 16))


class Silent:
    def preprocessed(self, seconds: float) -> None:
        pass


def photograph() -> bytes:
    noise = np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).resize((1400, 1050)).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def prepared(data: bytes, wanted: Sequence[Preprocessing]) -> Any:
    with ThreadPoolExecutor(1) as pool:
        reader = ImageReader(pool, Silent(), max_pixels=2 * 10**6)
        [found] = asyncio.run(reader.prepare([data], wanted))
    return found


def test_a_task_sees_the_same_whatever_it_is_asked_with(monkeypatch: pytest.MonkeyPatch) -> None:
    data, reductions = photograph(), []
    decode = images.decode

    def watched(data: bytes, **options: Any) -> images.Picture:
        picture = decode(data, **options)
        reductions.append(picture.reduction)
        return picture

    monkeypatch.setattr(images, "decode", watched)
    together = prepared(data, [SMALL, LARGE, SMALL])
    assert sorted(reductions) == [2, 4]  # once for each size
    for wanted, found in zip((SMALL, LARGE), together, strict=False):
        np.testing.assert_array_equal(found, prepared(data, [wanted])[0])
        # as training prepares them (trainer.training.data)
        np.testing.assert_array_equal(found, images.prepare(decode(data, side=wanted.resize), wanted))
