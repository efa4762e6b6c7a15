"""Which array of labels belongs to which array of images: by their names, else by their lengths."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from trainer.intake.archives.paths import Parts
from trainer.intake.arrays.header import ArrayUnreadable
from trainer.intake.arrays.image_array import image_name
from trainer.intake.arrays.label_array import SUFFIXES, read_labels
from trainer.intake.containers.arrays.idx import Idx
from trainer.intake.containers.arrays.npy import Npy
from trainer.intake.containers.arrays.npz import Npz
from trainer.intake.layouts.split_words import is_neutral, split_of, words
from trainer.intake.placement import Split
from trainer.intake.upload import Document, Upload

_IMAGES = frozenset(
    {
        *("x", "image", "images", "img", "imgs", "data", "picture", "pictures", "pixels", "input", "inputs"),
        *("feature", "features", "sample", "samples", "digits"),
    }
)
_LABELS = frozenset(
    {
        *("y", "label", "labels", "lbl", "lbls", "target", "targets", "class", "classes", "cls", "category"),
        *("categories", "output", "outputs", "t"),
    }
)
_CONTAINERS = frozenset({Npz.name, Npy.name, Idx.name})
K = TypeVar("K")

_UNNAMED = re.compile(r"^arr_\d+(\.npy)?$")
_MNIST_TEST = "t10k"  # how MNIST calls its ten thousand images to test on


@dataclass(frozen=True, kw_only=True)
class LabelArray:
    document: Document
    labels: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A folder of images, which were one array, and their labels."""

    folder: Parts
    images: Sequence[Parts]
    labels: LabelArray

    @property
    def split(self) -> Split | None:
        names = (" ".join(_words(name.replace(_MNIST_TEST, "test"))) for name in reversed(self.folder))
        splits = map(split_of, names)
        return next((split for split in splits if split is not None), None)

    @property
    def data_set(self) -> frozenset[str]:
        """The words of its path that tell neither its split, nor a number, nor what it holds."""
        found = _key(self.folder)
        return frozenset(word for word in found if len(word) > 1 and split_of(word) is None and not is_neutral(word))


@dataclass(frozen=True, kw_only=True)
class Pairs:
    pairs: Sequence[Pair]
    # arrays of images without labels
    unlabelled: Mapping[Parts, Sequence[Parts]]
    # further labels for images that have some
    rivals: Sequence[Pair]
    # arrays that belong to no images, such as the names of the classes
    others: Sequence[LabelArray]


def pair_arrays(upload: Upload) -> Pairs:
    """For `Upload.once`."""
    folders = _folders(upload)
    labels = _label_arrays(upload) if folders else []
    named = _by_name(folders, labels)
    pairs = [pair for number, pair in enumerate(named) if pair.folder not in _of(named[:number])]
    pairs += _by_length(folders, labels, named)
    used = {pair.labels.document.parts for pair in (*named, *pairs)}
    return Pairs(
        pairs=pairs,
        unlabelled={folder: images for folder, images in folders.items() if folder not in _of(pairs)},
        rivals=[pair for pair in named if pair not in pairs],
        others=[array for array in labels if array.document.parts not in used],
    )


def _folders(upload: Upload) -> dict[Parts, list[Parts]]:
    """The folders of images that were an array each."""
    found: dict[Parts, list[Parts]] = defaultdict(list)
    for image in upload.images:
        found[image[:-1]].append(image)
    return {
        folder: inside
        for folder, inside in found.items()
        if any(upload.containers.get(folder[:depth]) in _CONTAINERS for depth in range(1, len(folder) + 1))
        and all(image[-1] == image_name(number) for number, image in enumerate(inside))
    }


def _label_arrays(upload: Upload) -> list[LabelArray]:
    arrays = []
    for document in upload.documents:
        if document.name.endswith(SUFFIXES):
            try:
                labels = read_labels(document, upload.most_rows)
            except ArrayUnreadable:
                continue  # reported as a document that says nothing
            if labels is not None:
                arrays.append(LabelArray(document=document, labels=labels))
    return arrays


def _by_name(folders: Mapping[Parts, Sequence[Parts]], labels: Sequence[LabelArray]) -> list[Pair]:
    by_name = _unique({folder: _key(folder) for folder in folders})
    called = [array for array in labels if _is_called_labels(array.document.parts)]
    keys = {array.document.parts: _key(array.document.parts) for array in called}
    return [
        Pair(folder=by_name[key], images=folders[by_name[key]], labels=array)
        for array in called
        if (key := keys[array.document.parts]) in by_name
    ]


def _by_length(
    folders: Mapping[Parts, Sequence[Parts]], labels: Sequence[LabelArray], pairs: Sequence[Pair]
) -> list[Pair]:
    """Of the rest: arrays beside each other (`arr_0` and `arr_1`) of a length that no third one has."""
    taken = _of(pairs)
    left = {folder: images for folder, images in folders.items() if folder not in taken and tells_no_class(folder)}
    used = {pair.labels.document.parts for pair in pairs}
    free = [array for array in labels if array.document.parts not in used and _may_be_labels(array.document.parts)]
    by_length = _unique({folder: (folder[:-1], len(images)) for folder, images in left.items()})
    lengths = Counter((array.document.folder, len(array.labels)) for array in free)
    return [
        Pair(folder=by_length[place], images=left[by_length[place]], labels=array)
        for array in free
        if (place := (array.document.folder, len(array.labels))) in by_length and lengths[place] == 1
    ]


def is_unnamed(parts: Parts) -> bool:
    """Whether NumPy gave the array its name, because nobody did."""
    return _UNNAMED.match(parts[-1]) is not None


def tells_no_class(folder: Parts) -> bool:
    """Whether an array of images has no name, or one that only says that it holds images, or of which split."""
    found = _words(folder[-1])
    return is_unnamed(folder) or not _IMAGES.isdisjoint(found) or split_of(" ".join(found)) is not None


def _may_be_labels(parts: Parts) -> bool:
    return is_unnamed(parts) or _is_called_labels(parts)


def _of(pairs: Iterable[Pair]) -> set[Parts]:
    return {pair.folder for pair in pairs}


def _unique(keys: Mapping[Parts, K]) -> dict[K, Parts]:
    counts = Counter(keys.values())
    return {key: folder for folder, key in keys.items() if counts[key] == 1}


def _key(parts: Parts) -> tuple[str, ...]:
    """The words of a path, but for those that say what its array holds."""
    return tuple(sorted(word for part in parts for word in _words(part) if word not in _IMAGES | _LABELS))


def _is_called_labels(parts: Parts) -> bool:
    return any(word in _LABELS for part in parts for word in _words(part))


def _words(name: str) -> list[str]:
    lower = name.lower()
    suffix = next((suffix for suffix in SUFFIXES if lower.endswith(suffix)), "")
    found = words(name[: len(name) - len(suffix)])
    return [part for word in found for part in _apart(word)]


def _apart(word: str) -> list[str]:
    """``xtrain`` is two words."""
    is_joined = word[:1] in {"x", "y"} and split_of(word[1:]) is not None
    return [word[0], word[1:]] if is_joined else [word]
