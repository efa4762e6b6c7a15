"""From paths to classes and splits: what the folders of an upload mean."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from trainer.intake.archives.paths import Parts

Split = Literal["train", "val", "test"]

SPLITS: tuple[Split, ...] = get_args(Split)

SPLIT_NAMES: Mapping[str, Split] = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "dev": "val",
    "test": "test",
    "testing": "test",
}
MAX_CLASS_CHARACTERS = 256  # what a bundle's manifest can name


@dataclass(frozen=True, kw_only=True)
class Placement:
    """Where a file belongs; ``split`` is None where the upload does not say."""

    label: str
    split: Split | None


@dataclass(frozen=True, kw_only=True)
class Layout:
    """How to read the paths of one upload: ``prefix`` folders wrap everything, then come splits (or not), classes."""

    prefix: int
    has_splits: bool

    def place(self, parts: Parts) -> Placement | str:
        """The file's place, or the reason why it has none."""
        rest = parts[self.prefix :]
        split = None
        if self.has_splits:
            split = SPLIT_NAMES.get(rest[0].lower()) if rest else None
            rest = rest[1:]
        if len(rest) < 2:
            return "not in a class folder"
        if len(rest[0]) > MAX_CLASS_CHARACTERS:
            return f"the class name is longer than {MAX_CLASS_CHARACTERS} characters"
        return Placement(label=rest[0], split=split)


def read_layout(paths: Sequence[Parts]) -> Layout:
    """The layout of the images' paths: class folders, or train/val/test folders of class folders, in any wrapping.

    As in torchvision's ImageFolder, folders inside a class folder are part of that class.
    """
    prefix = 0
    while _is_wrapper(paths, prefix):
        prefix += 1
    return Layout(prefix=prefix, has_splits=_are_splits(paths, prefix))


def _is_wrapper(paths: Sequence[Parts], at: int) -> bool:
    """Whether one folder at this depth holds everything, and most of it in folders: classes or splits come below it."""
    below = [parts for parts in paths if len(parts) > at + 1]
    in_folders = sum(len(parts) > at + 2 for parts in below)
    return len({parts[at] for parts in below}) == 1 and 2 * in_folders > len(below) and not _are_splits(paths, at)


def _are_splits(paths: Sequence[Parts], at: int) -> bool:
    """Split names throughout, train among them, and class folders below (a class may be called "train")."""
    folders = [parts for parts in paths if len(parts) > at + 1]
    splits = {SPLIT_NAMES.get(parts[at].lower()) for parts in folders}
    in_classes = sum(len(parts) > at + 2 for parts in folders)
    return "train" in splits and None not in splits and 2 * in_classes > len(folders)
