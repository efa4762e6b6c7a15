"""Which files of a folder are images, in whatever state the folder is."""

import os
from pathlib import Path

import pytest
from PIL import Image

from nettailor_client.folders import walk
from nettailor_client.folders.walk import Found, files_in
from trainer.intake.archives import formats


def _images(folder: Path) -> list[str]:
    return [found.path for found in files_in(folder) if found.is_image]


def test_images_are_found_below_in_the_order_of_their_names(tmp_path: Path) -> None:
    for name in ("b/2.JPG", "b/10.jpeg", "a.png", "c/d/e/deep.webp", "a/x.tif", "z.txt", "notes"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"whatever")
    found = list(files_in(tmp_path))
    assert [f.path for f in found if f.is_image] == ["a/x.tif", "a.png", "b/10.jpeg", "b/2.JPG", "c/d/e/deep.webp"]
    assert [f.path for f in found if not f.is_image] == ["notes", "z.txt"]


def test_names_that_promise_images_are_those_of_the_trainer() -> None:
    suffixes = formats._SUFFIXES | formats._SUFFIXES_PNM | formats._SUFFIXES_UNREAD
    assert suffixes == walk._SUFFIXES


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP", "AVIF"])
def test_an_image_needs_no_ending(tmp_path: Path, kind: str) -> None:
    for name in ("8f14e45f", "page.jpg_large"):
        Image.new("RGB", (8, 8)).save(tmp_path / name, kind)
    assert _images(tmp_path) == ["8f14e45f", "page.jpg_large"]


def test_what_is_hidden_or_litter_is_left_out(tmp_path: Path) -> None:
    for name in (".hidden.jpg", "._a.jpg", ".git/x.png", "__MACOSX/a.jpg", "@eaDir/thumb.jpg", "a.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert [found.path for found in files_in(tmp_path)] == ["a.jpg"]


def test_links_are_followed_and_loops_end(tmp_path: Path) -> None:
    outside, folder = tmp_path / "outside", tmp_path / "folder"
    for name in (outside / "o.png", folder / "a" / "i.png"):
        name.parent.mkdir(parents=True)
        name.touch()
    (folder / "a" / "up").symlink_to(folder)
    (folder / "self").symlink_to(folder / "self")
    (folder / "there").symlink_to(outside)
    (folder / "o.png").symlink_to(outside / "o.png")
    (outside / "back").symlink_to(folder / "a")
    found = {f.path: f.error for f in files_in(folder) if f.is_image}
    assert found == {
        "a/i.png": None,
        "o.png": None,
        "self": os.strerror(40),
        "there/back/i.png": None,
        "there/o.png": None,
    }


def test_what_cannot_be_read_is_an_image_with_its_error(tmp_path: Path) -> None:
    (tmp_path / "gone.jpg").symlink_to("nowhere")
    (tmp_path / "gone.txt").symlink_to("nowhere")
    os.mkfifo(tmp_path / "pipe.jpg")  # reading it would never end
    os.mkfifo(tmp_path / "pipe")
    found = list(files_in(tmp_path))
    assert found[0] == Found(path="gone.jpg", is_image=True, error="No such file or directory")
    assert not found[1].is_image
    assert found[2:] == [
        Found(path="pipe", is_image=False),
        Found(path="pipe.jpg", is_image=True, error=found[3].error),
    ]
    assert found[3].error


def test_a_folder_that_cannot_be_looked_into_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "v1.2").mkdir()
    listed = os.listdir

    def refuse(folder: str) -> list[str]:  # root may read everything: permissions stop nobody here
        if folder.endswith("v1.2"):
            raise PermissionError(13, os.strerror(13))
        return listed(folder)

    monkeypatch.setattr(os, "listdir", refuse)
    assert list(files_in(tmp_path)) == [Found(path="v1.2", is_image=True, error="Permission denied")]


def test_names_that_are_no_text_are_found(tmp_path: Path) -> None:
    with open(os.path.join(os.fsencode(tmp_path), b"caf\xe9.jpg"), "wb"):
        pass
    (tmp_path / "=1,2\n.jpg").touch()
    paths = _images(tmp_path)
    assert paths == ["=1,2\n.jpg", "caf\udce9.jpg"]
    assert all((tmp_path / path).exists() for path in paths)


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        files_in(tmp_path / "nowhere")
