"""Files are asked about several at once, and each is answered for itself."""

from pathlib import Path

import httpx
import pytest

from cli.service.image_files import Asked, predict_files
from nettailor_client import Client
from nettailor_client.errors import NotFound
from tests.answers import prediction

_BAD = b"bad"


class _Service:
    """Says of each image what it is; refuses a request with a bad one."""

    def __init__(self, status: int = 415) -> None:
        self.status = status
        self.paths: list[str] = []
        self.counts: list[int] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        body = request.read()
        parts = [
            part.split(b"\r\n\r\n", 1)[1].removesuffix(b"\r\n") for part in body.split(b"--") if b"\r\n\r\n" in part
        ]
        images = parts or [body]
        self.paths.append(request.url.path)
        self.counts.append(len(images))
        if _BAD in images:
            return httpx.Response(self.status, json={"detail": "images[0]: no image", "reason": "no image"})
        labels = [[{"label": image.decode(), "index": 0, "probability": 1.0}] for image in images]
        return httpx.Response(200, json=prediction(predictions=labels).as_json())


def _predicted(service: _Service, paths: list[Path], version: int | None = None) -> list[tuple[str, str]]:
    http = httpx.Client(transport=httpx.MockTransport(service))
    with Client("http://service", http=http) as client:
        found = predict_files(client, Asked(task="signs", version=version, top_k=1), paths)
        return [(Path(each.file).name, each.answer.labels[0] if each.answer else each.error) for each in found]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(20):
        (tmp_path / f"{number:02}.png").write_bytes(b"image %d" % number)
    (tmp_path / "notes.txt").write_text("no image")
    return tmp_path


def test_a_folder_is_asked_about_several_images_a_request(folder: Path) -> None:
    service = _Service()
    assert _predicted(service, [folder]) == [(f"{n:02}.png", f"image {n}") for n in range(20)]
    assert service.counts == [8, 8, 4]


def test_what_is_wrong_with_one_file_is_said_in_its_place(folder: Path) -> None:
    (folder / "01.png").write_bytes(_BAD)
    (folder / "02.png").write_bytes(b"")
    files = [folder / f"{number:02}.png" for number in range(4)]
    found = dict(_predicted(_Service(), [*files, folder / "gone.png"]))
    assert found == {
        "00.png": "image 0",
        "01.png": "no image",
        "02.png": "an empty file",
        "03.png": "image 3",
        "gone.png": "No such file or directory",
    }


def test_a_version_is_asked_by_its_number(folder: Path) -> None:
    service = _Service()
    _predicted(service, [folder / "00.png"], version=2)
    assert service.paths == ["/tasks/signs/versions/2/predict"]


def test_a_refusal_that_is_of_no_image_is_raised(folder: Path) -> None:
    (folder / "01.png").write_bytes(_BAD)
    with pytest.raises(NotFound):
        _predicted(_Service(404), [folder])
