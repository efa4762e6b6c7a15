"""Predictions by a real service, of whatever is an image."""

import asyncio
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cli.demo.signs import draw_sign
from nettailor_client import AsyncClient, Client
from nettailor_client.answers.predictions import Prediction
from nettailor_client.errors import ImageUnusable, Malformed, NotFound, UnsupportedMedia
from nettailor_client.images import Image as Sendable


@pytest.fixture(scope="module")
def picture() -> Image.Image:
    return draw_sign("stop", np.random.default_rng(0)).convert("RGB")


@pytest.fixture
def path(picture: Image.Image, tmp_path: Path) -> Path:
    picture.save(tmp_path / "sign.png")
    return tmp_path / "sign.png"


def _classes(answer: Prediction) -> list[list[tuple[str, float]]]:
    return [[(label.label, round(label.probability, 5)) for label in labels] for labels in answer.predictions]


def test_every_kind_of_image_is_answered_alike(client: Client, picture: Image.Image, path: Path) -> None:
    array = np.asarray(picture)
    given: list[Sendable] = [path, str(path), path.read_bytes(), bytearray(path.read_bytes()), picture, array]
    given += [array[:, ::-1][:, ::-1], picture.convert("RGBA"), np.dstack([array, np.full(array.shape[:2], 255, "u1")])]
    first, *others = [_classes(client.predict("signs", image, top_k=3)) for image in given]
    assert len(first[0]) == 3
    assert all(other == first for other in others)
    grey = [
        _classes(client.predict("signs", image)) for image in (picture.convert("L"), np.asarray(picture.convert("L")))
    ]
    assert grey[0] == grey[1]


def test_a_picture_is_seen_as_the_file_that_it_was_opened_from(client: Client, picture: Image.Image) -> None:
    turned, file = Image.Exif(), BytesIO()
    turned[0x0112] = 6  # lies on its side
    picture.resize((64, 40)).save(file, "JPEG", exif=turned)
    opened = Image.open(file)
    assert _classes(client.predict("signs", opened)) == _classes(client.predict("signs", file.getvalue()))


def test_several_images_and_several_tasks(client: Client, picture: Image.Image, path: Path) -> None:
    one = client.predict("signs@live", path, top_k=2)
    many = client.predict(
        "signs", path, picture, np.asarray(picture), version=1, top_k=2, priority=5, timeout_ms=60_000
    )
    assert _classes(many) == 3 * _classes(one)
    assert many.labels == 3 * one.labels
    assert (many.task, many.version, many.digest) == ("signs", 1, one.digest)
    both = client.predict_many(["birds@live", "signs"], path, top_k=2)
    assert [result.task for result in both.results] == ["birds", "signs"]
    assert _classes(both.results[1]) == _classes(one)


def test_the_same_within_an_event_loop(service: str, picture: Image.Image, path: Path) -> None:
    async def ask() -> list[Prediction]:
        async with AsyncClient(service) as client:
            return await asyncio.gather(*[client.predict("signs", image) for image in (path, picture)])

    first, second = asyncio.run(ask())
    with Client(service) as client:
        assert _classes(client.predict("signs", path)) == _classes(first) == _classes(second)


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        (np.zeros((2, 2, 3), np.float32), "uint8"),
        (np.zeros((2, 2, 7), np.uint8), "7 channels"),
        (np.zeros((1, 2, 2, 3), np.uint8), "shape"),
        (object(), "neither a path"),
    ],
)
def test_what_is_no_image_is_not_sent(image: Sendable, reason: str) -> None:
    with Client("http://127.0.0.1:9") as client, pytest.raises(ImageUnusable, match=reason):
        client.predict("signs", image)


def test_refusals_have_the_members_of_the_problem(client: Client, path: Path) -> None:
    with pytest.raises(NotFound, match="no task 'sings'") as caught:
        client.predict("sings", path)
    error = caught.value
    assert (error.status, error.title, error.type) == (404, "unknown task", "urn:nettailor:problem:task-unknown")
    assert (error.instance, error.problem["task"]) == ("/tasks/sings/predict", "sings")
    assert error.request_id
    with pytest.raises(UnsupportedMedia):
        client.predict("signs", b"no image")
    with pytest.raises(Malformed):
        client.predict("signs", path, top_k=0)
