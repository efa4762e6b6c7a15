"""What the decoding pool makes of a file."""

import asyncio
import io
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from PIL import Image

from nettailor import images
from nettailor.bundle.preprocessing import IMAGENET_MEAN, IMAGENET_STD, Preprocessing
from server.errors import ImageOversized, ImagesOversized, Overloaded
from server.prediction.images import DecodeLimits, ImageReader
from tests.pictures import huge_png

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
        reader = ImageReader(pool, Silent(), DecodeLimits())
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


def test_a_range_is_its_tasks_own_and_an_ordinary_image_is_decoded_once_for_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ranges: list[Any] = []
    decode = images.decode

    def watched(data: bytes, **options: Any) -> images.Picture:
        ranges.append(options["value_range"])
        return decode(data, **options)

    monkeypatch.setattr(images, "decode", watched)
    tasks = [SMALL, *(SMALL.model_copy(update={"value_range": (0, white)}) for white in (1023, 4095, 1023))]
    dark = np.random.default_rng(0).integers(0, 600, (40, 50)).astype(np.uint16)
    buffer = io.BytesIO()
    Image.fromarray(dark).save(buffer, "PNG")
    together = prepared(buffer.getvalue(), tasks)
    assert ranges == [None, (0, 1023), (0, 4095)]
    for task, found in zip(tasks, together, strict=True):
        np.testing.assert_array_equal(found, prepared(buffer.getvalue(), [task])[0])
        expected = decode(buffer.getvalue(), side=task.resize, value_range=task.value_range)
        np.testing.assert_array_equal(found, images.prepare(expected, task))
    assert together[1].max() > 2 * together[2].max()
    ranges.clear()
    prepared(photograph(), tasks)
    assert ranges == [None]


class Watched:
    """Decodes after `go`, and notes which files it began with."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.begun: list[bytes] = []
        self.started, self.go = threading.Event(), threading.Event()
        self._decode = images.decode
        monkeypatch.setattr(images, "decode", self)

    def __call__(self, data: bytes, **options: Any) -> images.Picture:
        self.begun.append(data)
        self.started.set()
        assert self.go.wait(30)
        return self._decode(data, **options)


def test_what_a_request_costs_is_known_before_a_pixel_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    watched, limits = Watched(monkeypatch), DecodeLimits(image=4_000_000, request=6_000_000)
    with ThreadPoolExecutor(1) as pool:
        reader = ImageReader(pool, Silent(), limits)
        with pytest.raises(ImagesOversized) as refused:
            asyncio.run(reader.prepare([huge_png(1000, 1000), huge_png(2000, 1500), huge_png(2000, 1001)], [SMALL]))
        with pytest.raises(ImageOversized, match=r"images\[1\]: 2001 x 2000 pixels, the limit is 4000000"):
            asyncio.run(reader.prepare([huge_png(1000, 1000), huge_png(2001, 2000)], [SMALL]))
    assert (refused.value.where, refused.value.pixels) == ("images[2]", 6_002_000)
    assert watched.begun == []


def test_one_small_image_does_not_wait_for_the_many_large_ones_of_another(monkeypatch: pytest.MonkeyPatch) -> None:
    watched = Watched(monkeypatch)
    large, small, other = huge_png(2000, 1000), huge_png(100, 100), huge_png(1500, 1000)

    async def scenario(pool: ThreadPoolExecutor) -> None:
        reader = ImageReader(pool, Silent(), DecodeLimits(waiting=12_000_000))
        many = asyncio.create_task(reader.prepare([large] * 6, [SMALL]))
        assert await asyncio.to_thread(watched.started.wait, 30)
        watched.go.set()
        with pytest.raises(Overloaded, match="12000000 pixels wait for decoding"):
            await reader.prepare([other], [SMALL])
        await reader.prepare([small], [SMALL])
        assert len(watched.begun) < 7
        await many
        await reader.prepare([other], [SMALL])

    with ThreadPoolExecutor(1) as pool:
        asyncio.run(scenario(pool))
    assert watched.begun.count(large) == 6
