"""What the folders of an upload mean, by their names and by their shape."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from trainer.intake.archives.paths import Parts
from trainer.intake.layouts.split_words import (
    is_kind_of_file,
    is_neutral,
    is_unlabelled,
    split_and_rest,
    split_of,
    words,
)
from trainer.intake.placement import MAX_CLASS_CHARACTERS, Placement, Split
from trainer.intake.upload import Upload

Kind = Literal[
    "classes",  # cats/1.jpg
    "splits",  # train/cats/1.jpg
    "splits below",  # cats/train/1.jpg
    "parts",  # batch1/cats/1.jpg: the upper folders are neither
    "bare splits",  # train/1.jpg
    "unclear",  # the upper folders or the lower ones may be the classes
]


NO_CLASS = "not in a class folder"
WITHOUT_LABEL = "in a folder of images without a label"


@dataclass(frozen=True, kw_only=True)
class FolderShape:
    """How to read the paths of one upload: ``prefix`` folders wrap everything, below them is what ``kind`` says.

    ``splits`` are the folders that mean a split, and which; ``unknown`` are the folders beside them that mean none.
    ``wrapped`` names the splits in which one more folder wraps the class folders (``seg_train/seg_train/cats``), and
    the folders beside class folders that hold the same class folders once more (``flowers/flowers/daisy``); ``bare``
    names the splits whose images lie in no class folder, but in one called ``images``.
    """

    kind: Kind
    prefix: int
    splits: Mapping[str, Split] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()
    wrapped: frozenset[str] = frozenset()
    bare: frozenset[str] = frozenset()

    def place(self, parts: Parts) -> Placement | str:
        """The place of an image, or the reason why it has none."""
        rest, split = parts[self.prefix :], None
        reason = self._reason(rest)
        if reason is not None:
            return reason
        if self.kind in {"splits", "parts"}:
            split = self.splits.get(rest[0])
            rest = rest[1:]
        rest = rest[1:] if parts[self.prefix] in self.wrapped else rest
        if len(rest) < 2:
            return NO_CLASS
        if len(rest[0]) > MAX_CLASS_CHARACTERS:
            return f"the class name is longer than {MAX_CLASS_CHARACTERS} characters"
        return Placement(label=rest[0], split=self.splits.get(rest[1]) if self.kind == "splits below" else split)

    def _reason(self, rest: Parts) -> str | None:
        """Why an image at this place below the wrapping folders cannot have a class."""
        if len(rest) < 2:
            return NO_CLASS
        if any(is_unlabelled(folder) for folder in rest[:-1][: 1 if self.kind == "classes" else 2]):
            return WITHOUT_LABEL
        if self.kind == "bare splits" or (self.kind == "splits" and rest[0] in self.bare):
            return "in a folder of a split, which says nothing of its class"
        if self.kind == "splits" and rest[0] in self.unknown:
            return f"the folder {rest[0]} is no split that is known"
        return None

    def folders_in_classes(self, paths: Iterable[Parts]) -> set[str]:
        """Folders that hold images within a class folder, and that have a name of their own."""
        depth = self.prefix + 1 + (self.kind in {"splits", "parts", "splits below"})
        found = {
            parts[: depth + 1]
            for parts in paths
            if len(parts) > depth + 1 and not (self.kind == "classes" and parts[self.prefix] in self.wrapped)
        }
        return {"/".join(folder) for folder in found if not _is_no_class(folder[-1])}

    def class_of_folder(self, folder: Parts) -> str | None:
        """The class that a folder as a whole is of; None for one that holds classes, or lies in one."""
        place = self.place((*folder, "image"))
        if isinstance(place, str) or place.label != folder[-1] or isinstance(self.place(folder), Placement):
            return None
        return place.label


def shape_of(upload: Upload) -> FolderShape:
    return read_shape(upload.images)


def placements_by_folder(upload: Upload) -> dict[Parts, Placement]:
    """For layouts that take what the folders say as a second opinion."""
    shape = upload.once(shape_of)
    if shape.kind == "unclear":
        return {}
    return {image: place for image in upload.images if isinstance(place := shape.place(image), Placement)}


def is_split_name(name: str) -> bool:
    """Whether a folder of that name would be a split, were there others beside it."""
    return _exact_split(name) is not None


def splits_by_folder(upload: Upload) -> dict[Parts, Split]:
    """The splits of all images that lie in folders of splits, whether class folders are in them or not."""
    shape = upload.once(shape_of)
    if shape.kind not in {"splits", "bare splits", "splits below"}:
        return {}
    depth = shape.prefix + (shape.kind == "splits below")
    return {
        image: shape.splits[image[depth]]
        for image in upload.images
        if len(image) > depth + 1 and image[depth] in shape.splits
    }


def read_shape(paths: Sequence[Parts]) -> FolderShape:
    """The shape of these images' paths.

    As in torchvision's ImageFolder, folders inside a class folder are part of that class.
    """
    prefix = 0
    while (shape := _shape_at(paths, prefix)) is None:
        prefix += 1
    return shape


def _shape_at(paths: Sequence[Parts], prefix: int) -> FolderShape | None:
    """The shape below this depth; None where one more folder wraps everything."""
    tops = _Folders(paths, prefix)
    splits = _splits(tops)
    if splits and ("train" in splits.values() or len(splits) > 1):
        return _shape_of_splits(tops, splits)
    if len(tops.images) == 1 and tops.are_deep:
        return None
    mixed = _shape_beside_splits(tops) if len(tops.images) > 1 else None
    if mixed is not None:
        return mixed
    copies = _copies(tops)
    if copies:
        return FolderShape(kind="classes", prefix=prefix, wrapped=copies)
    return _shape_of_two_floors(tops) if tops.are_deep else FolderShape(kind="classes", prefix=prefix)


class _Folders:
    """The folders at one depth, but for those of unlabelled images, and what is in them."""

    def __init__(self, paths: Sequence[Parts], depth: int) -> None:
        self.depth = depth
        self.images: Counter[str] = Counter()
        self.images_in_folders: Counter[str] = Counter()
        self.children: dict[str, Counter[str]] = defaultdict(Counter)
        for parts in paths:
            if len(parts) > depth + 1 and not is_unlabelled(parts[depth]):
                top = parts[depth]
                self.images[top] += 1
                if len(parts) > depth + 2:
                    self.images_in_folders[top] += 1
                    self.children[top][parts[depth + 1]] += len(parts) > depth + 3
        if not self.images:  # but unlabelled ones: then such a name is a class like any other
            self.images.update(parts[depth] for parts in paths if len(parts) > depth + 1)

    def is_deep(self, tops: Collection[str]) -> bool:
        """Whether most of the images in these folders lie in folders there."""
        return 2 * sum(self.images_in_folders[top] for top in tops) > sum(self.images[top] for top in tops)

    @property
    def are_deep(self) -> bool:
        return self.is_deep(self.images)

    @property
    def are_deeper(self) -> bool:
        """Whether most of the images lie in folders in folders there."""
        return 2 * sum(sum(found.values()) for found in self.children.values()) > sum(self.images.values())

    def shared_children(self, among: str | None = None) -> set[str]:
        """Names of folders that most of these folders have, where they have few others; or those that the folder
        ``among`` shares with any other, where it has few others."""
        seen = Counter(child for top in self.images for child in self.children[top])
        if among is not None:
            seen = Counter({child: seen[child] for child in self.children[among]})
        least = 2 if among is not None else max(2, len(self.images) / 2)
        shared = {child for child, count in seen.items() if count >= least}
        return shared if len(shared) > 1 and 2 * len(shared) > len(seen) else set()


def _splits(tops: _Folders) -> dict[str, Split]:
    """The folders by their splits, if all are named after one and nothing says that their names are classes."""
    named = {top: split_and_rest(top) for top in tops.images}
    splits = {top: split for top, (split, _) in named.items() if split is not None}
    if not splits or len(splits) < len(named):
        return {}
    rests = {tuple(word for word in rest if not is_neutral(word)) for _, rest in named.values()}
    if len(rests) > 1 and len(set(splits.values())) == 1:
        return {}  # "test tube" and "test strip"
    return splits


def _shape_of_splits(tops: _Folders, splits: dict[str, Split]) -> FolderShape:
    trained = [top for top, split in splits.items() if split == "train"] or list(splits)
    wrapped = frozenset(top for top in splits if _is_wrapped(tops, top))
    bare = frozenset(top for top in splits if _is_kinds(tops, top))
    rests = {tuple(word for word in split_and_rest(top)[1] if not is_neutral(word)) for top in splits}
    if not tops.is_deep(trained) or bare.issuperset(trained):
        kind: Kind = "bare splits" if len(rests) == 1 else "unclear"
    elif len(rests) > 1 and not tops.shared_children():
        kind = "unclear"
    else:
        kind = "splits"
    return FolderShape(kind=kind, prefix=tops.depth, splits=splits, wrapped=wrapped, bare=bare)


def _is_wrapped(tops: _Folders, top: str) -> bool:
    """Whether a split's folder holds one folder only, whose name says nothing and which holds the classes."""
    children = tops.children[top]
    only = next(iter(children), "")
    named = only == top or is_neutral(only) or split_of(only) is not None
    return len(children) == 1 and named and 2 * children[only] > tops.images[top]


def _is_kinds(tops: _Folders, top: str) -> bool:
    """Whether the images of a split lie in one folder ``images``, and so in no class."""
    children = tops.children[top]
    return len(children) == 1 and is_neutral(next(iter(children))) and not _is_wrapped(tops, top)


def _shape_beside_splits(tops: _Folders) -> FolderShape | None:
    """The shape where some folders are called as splits alone are, train among them, and others are not."""
    known = {top: split for top in tops.images if (split := _exact_split(top)) is not None}
    if "train" not in known.values():
        return None
    trained = [top for top, split in known.items() if split == "train"]
    unknown = tuple(sorted(set(tops.images) - set(known)))
    if len(set(known.values())) > 1 and not tops.is_deep(trained):
        return FolderShape(kind="bare splits", prefix=tops.depth, splits=known, unknown=unknown)
    if tops.shared_children(trained[0]):
        return FolderShape(kind="splits", prefix=tops.depth, splits=known, unknown=unknown)
    return None


def _copies(tops: _Folders) -> frozenset[str]:
    """The folders that hold folders of the names of those beside them: a copy of the data set in itself."""
    copies = frozenset(top for top in tops.images if _is_copy(tops, top))
    return copies if len(tops.images) - len(copies) > 1 else frozenset()


def _is_copy(tops: _Folders, top: str) -> bool:
    inside, beside = tops.children[top].keys(), tops.images.keys() - {top}
    return len(inside) > 1 and inside <= beside and tops.is_deep([top])


def _exact_split(name: str) -> Split | None:
    split, rest = split_and_rest(name)
    return split if all(is_neutral(word) for word in rest) else None


def _shape_of_two_floors(tops: _Folders) -> FolderShape:
    """Folders in folders, of which the upper ones are no splits."""
    below = {child: split_of(child) for top in tops.images for child in tops.children[top]}
    if below and all(below.values()) and "train" in below.values() and len(set(below.values())) > 1:
        splits = {child: split for child, split in below.items() if split is not None}
        if tops.are_deeper:  # site_A/train/cats, fold_1/train/cats: the upper ones are no classes, as it seems
            return FolderShape(kind="unclear", prefix=tops.depth, unknown=tuple(sorted(tops.images)))
        return FolderShape(kind="splits below", prefix=tops.depth, splits=splits)
    shared = tops.shared_children()
    if not shared or all(map(_is_no_class, shared)):
        return FolderShape(kind="classes", prefix=tops.depth)
    kind: Kind = "parts" if _are_numbered(tops.images) else "unclear"
    return FolderShape(kind=kind, prefix=tops.depth, unknown=tuple(sorted(tops.images)))


def _is_no_class(name: str) -> bool:
    return is_neutral(name) or is_kind_of_file(name)


def _are_numbered(names: Iterable[str]) -> bool:
    """Whether the names differ only in a number or a letter: ``batch_1``, ``camera B``."""
    stems = {tuple(word for word in words(name) if not word.isdigit() and len(word) > 1) for name in names}
    return len(stems) == 1
