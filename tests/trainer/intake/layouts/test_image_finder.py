"""Which image is meant by a path, as people and tools write it."""

import time

import pytest

from trainer.intake.archives.paths import Parts
from trainer.intake.layouts.image_finder import ImageFinder

IMAGES = sorted(
    tuple(path.split("/"))
    for path in (
        "set/train/images/a.png",
        "set/train/images/b.PNG",
        "set/test/images/a.png",
        "set/test/images/c.png",
        "set/extra/d.v2.jpg",
        "set/extra/d.png",
        "set/extra/naïve name.png",
    )
)


@pytest.mark.parametrize(
    ("path", "folder", "found"),
    [
        ("set/train/images/a.png", "", "set/train/images/a.png"),
        ("images/a.png", "set/test", "set/test/images/a.png"),
        ("a.png", "set/train", "set/train/images/a.png"),
        ("a.png", "set", None),  # two have that name
        ("train/images/a.png", "", "set/train/images/a.png"),
        ("./train\\images\\a.png", "set/meta", "set/train/images/a.png"),
        ("c.png", "", "set/test/images/c.png"),
        ("C.PNG", "set/train", "set/test/images/c.png"),
        ("b", "", "set/train/images/b.PNG"),
        ("b.jpg", "", None),  # another suffix is another file
        ("d.v2", "", "set/extra/d.v2.jpg"),
        ("/home/me/data/c.png", "", "set/test/images/c.png"),
        ("s3://bucket/c.png", "", "set/test/images/c.png"),
        ("https://host/x/c.png?width=3&x=a/b.png", "", "set/test/images/c.png"),
        ("c.png?width=3", "", None),  # a file may be called so
        ("https://host/x/na%C3%AFve%20name.png", "", "set/extra/naïve name.png"),
        ("train/c.png", "", None),  # that folder is there, and the image is not in it
        ("val/c.png", "", None),  # another split
        ("extra/c.png", "", None),
        ("", "", None),
        ("/", "set", None),
        ("../c.png", "set", "set/test/images/c.png"),
    ],
)
def test_paths(path: str, folder: str, found: str | None) -> None:
    parts: Parts = tuple(filter(None, folder.split("/")))
    image = ImageFinder(IMAGES)(path, parts)
    assert (None if image is None else "/".join(image)) == found


def test_equal_names_in_many_folders_take_no_square_of_their_number() -> None:
    def seconds(count: int) -> float:
        images = sorted(("data", f"{number:06}", "a.png") for number in range(count))
        started = time.process_time()
        find = ImageFinder(images)
        assert all(find(f"x/{number:06}/a.png", ("data", f"{number:06}")) is not None for number in range(count))
        return time.process_time() - started

    seconds(100)
    assert seconds(20_000) < 12 * seconds(5_000)  # 16 were the square
