"""Which image is meant by a path, as people and tools write it."""

from collections.abc import Iterator
from typing import Any

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
        "set/extra/e.jfif",
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
        ("e", "", "set/extra/e.jfif"),  # as browsers on Windows save a JPEG
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


@pytest.mark.parametrize(
    ("path", "folder", "name"),
    [
        ("a.png", "", "a.png"),
        ("images/A", "", "a"),
        ("https://host/images/a%2Epng?width=3", "", "a.png"),
        ("a.png", "set/train", None),  # that of its own folder is meant
        ("train/images/a.png", "", None),
        ("val/a.png", "", None),  # neither lies there
        ("c.png", "", None),
        ("e.png", "", None),
        ("", "", None),
    ],
)
def test_names_that_several_images_have(path: str, folder: str, name: str | None) -> None:
    assert ImageFinder(IMAGES).shared_name(path, tuple(filter(None, folder.split("/")))) == name


class Counted(list[Parts]):
    """Counts how many of its members are looked at."""

    looks = 0

    def __getitem__(self, key: Any) -> Any:
        found = super().__getitem__(key)
        self.looks += len(found) if isinstance(key, slice) else 1
        return found

    def __iter__(self) -> Iterator[Parts]:
        self.looks += len(self)
        return super().__iter__()


def test_equal_names_in_many_folders_take_no_square_of_their_number() -> None:
    def looks(count: int) -> int:
        images = Counted(("data", f"{number:06}", "a.png") for number in range(count))
        find = ImageFinder(images)
        assert all(find(f"x/{number:06}/a.png", ("data", f"{number:06}")) is not None for number in range(count))
        return images.looks

    assert looks(1000) < 5 * looks(250)  # 16 were the square; bisection takes a little more than 4
