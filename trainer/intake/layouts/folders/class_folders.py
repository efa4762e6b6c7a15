"""Class folders: a folder a class, in train, val and test folders or without them."""

from collections.abc import Sequence
from dataclasses import dataclass

from trainer.intake.archives.paths import Parts
from trainer.intake.findings import shorten
from trainer.intake.layouts.layout import FALLBACK, SHAPE, Reading, Recognition
from trainer.intake.layouts.split_words import SPLIT_NAMES
from trainer.intake.placement import MAX_CLASS_CHARACTERS, Placement
from trainer.intake.upload import Upload


class ClassFolders:
    name = "class folders"
    seen_from = "torchvision ImageFolder, Keras image_dataset_from_directory"
    reads = "the folder of an image is its class; folders around them may be train, val and test"

    def recognise(self, upload: Upload) -> Recognition | None:
        shape = read_shape(upload.images)
        placed = [place for parts in upload.images if isinstance(place := shape.place(parts), Placement)]
        if not placed:
            return None
        names = sorted({place.label for place in placed})
        confidence = SHAPE if len(names) > 1 else FALLBACK
        return Recognition(confidence=confidence, why=f"the images lie in folders: {', '.join(shorten(names))}")

    def read(self, upload: Upload) -> Reading:
        shape = read_shape(upload.images)
        places = {parts: shape.place(parts) for parts in upload.images}
        return Reading(
            placements={parts: place for parts, place in places.items() if isinstance(place, Placement)},
            left_out=[(parts, reason) for parts, reason in places.items() if isinstance(reason, str)],
        )


@dataclass(frozen=True, kw_only=True)
class FolderShape:
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


def read_shape(paths: Sequence[Parts]) -> FolderShape:
    """The layout of the images' paths: class folders, or train/val/test folders of class folders, in any wrapping.

    As in torchvision's ImageFolder, folders inside a class folder are part of that class.
    """
    prefix = 0
    while _is_wrapper(paths, prefix):
        prefix += 1
    return FolderShape(prefix=prefix, has_splits=_are_splits(paths, prefix))


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
