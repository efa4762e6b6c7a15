"""The words by which people call their splits, and what they did not label."""

import re
from collections.abc import Mapping

from trainer.intake.placement import Split

_SPLITS: Mapping[str, Split] = {
    **dict.fromkeys(("train", "training", "trn", "trainset", "trainval", "learn"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "validate", "valset", "dev", "devel", "eval", "evaluation"), "val"),
    **dict.fromkeys(("test", "testing", "tst", "testset", "holdout", "heldout"), "test"),
}
_UNLABELLED = frozenset(
    {
        *("unlabeled", "unlabelled", "unlabel", "unlabelled", "nolabel", "nolabels", "unannotated"),
        *("predict", "prediction", "predictions", "pred", "inference"),
    }
)
# What a folder or a file of a split may be called besides, without being a class.
_NEUTRAL = frozenset(
    {
        *("data", "dataset", "set", "split", "folder", "dir", "part", "subset", "sample", "samples", "files", "raw"),
        *("image", "images", "img", "imgs", "picture", "pictures", "pics", "photo", "photos", "jpg", "jpeg", "png"),
        *("label", "labels", "class", "classes", "annotation", "annotations", "metadata", "list"),
    }
)
_PICTURES = frozenset({"image", "images", "img", "imgs", "jpegimages", "rgb", "input", "inputs"})
_KINDS_OF_FILES = _PICTURES | {
    *("mask", "masks", "label", "labels", "annotation", "annotations", "segmentation", "segmentations"),
    *("groundtruth", "gt", "depth", "output", "outputs", "target", "targets"),
}
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+|[^\W\d_]+")


def words(name: str) -> list[str]:
    """The words of a name in lower case: ``seg_train``, ``TrainSet`` and ``train2017`` have two each."""
    return [word.casefold() for word in _WORD.findall(name)]


def split_of(name: str) -> Split | None:
    """The one split that a name tells: ``Training Data``, ``validation_set``, ``hold-out``; None for all others."""
    return split_and_rest(name)[0]


def split_and_rest(name: str) -> tuple[Split | None, tuple[str, ...]]:
    """The split and the name's other words."""
    found = words(name)
    joined = _join(found)
    splits = {_SPLITS[word] for word in joined if word in _SPLITS}
    if len(splits) != 1:
        return None, tuple(joined)
    return splits.pop(), tuple(word for word in joined if word not in _SPLITS)


def _join(found: list[str]) -> list[str]:
    """``hold`` and ``out`` are one word."""
    result: list[str] = []
    for word in found:
        if result and result[-1] + word in _SPLITS.keys() | _UNLABELLED:
            result[-1] += word
        else:
            result.append(word)
    return result


def is_unlabelled(name: str) -> bool:
    """Whether a folder of that name holds images that nobody has labelled: ``no_label``, ``seg_pred``."""
    return any(word in _UNLABELLED for word in _join(words(name)))


def is_neutral(name: str) -> bool:
    """Whether a name says nothing of what is in the images: ``images``, ``data 2``."""
    return all(word in _NEUTRAL or word.isdigit() for word in words(name))


def is_picture_folder(name: str) -> bool:
    """Whether a folder of that name holds the pictures themselves, and others beside it what belongs to them."""
    return "".join(words(name)) in _PICTURES


def is_kind_of_file(name: str) -> bool:
    """Whether a folder of that name sorts files by their use (``images``, ``masks``), not by what they show."""
    return "".join(words(name)) in _KINDS_OF_FILES
