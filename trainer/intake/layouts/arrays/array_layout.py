"""Arrays of images and arrays of their labels, as `.npz`, `.npy` and IDX files hold them."""

from collections import defaultdict
from collections.abc import Iterator, Mapping

from trainer.intake.archives.paths import Parts
from trainer.intake.findings import Finding, shorten
from trainer.intake.layouts.arrays.pairs import Pair, Pairs, pair_arrays, tells_no_class
from trainer.intake.layouts.layout import CERTAIN, LIKELY, SHAPE, Reading, Recognition
from trainer.intake.layouts.tables.class_names import ClassNames, names_in_order
from trainer.intake.layouts.tables.tables import names_for
from trainer.intake.placement import MAX_CLASS_CHARACTERS, Placement, Split
from trainer.intake.upload import Upload

_ABOVE_FOLDERS = SHAPE + 0.1


class ArrayLayout:
    name = "arrays of images and labels"
    seen_from = "`mnist.npz` of Keras, MedMNIST, KMNIST, MNIST and its relatives, NumPy 2.4"
    reads = (
        "the n-th label is that of the n-th image: `x_train` and `y_train`, `train_images` and `train_labels`, `arr_0` "
        "and `arr_1` where they are equally long; numbers, words, or rows with a single 1; splits by the names"
    )

    def recognise(self, upload: Upload) -> Recognition | None:
        found = upload.once(pair_arrays)
        told = [f"{pair.labels.document.path} ({'/'.join(pair.folder)})" for pair in found.pairs]
        if told:
            count = sum(len(pair.images) for pair in found.pairs)
            confidence = CERTAIN if 2 * count >= len(upload.images) else LIKELY
            return Recognition(confidence=confidence, why=f"there are arrays of labels: {', '.join(shorten(told))}")
        if found.unlabelled and (found.others or any(map(tells_no_class, found.unlabelled))):
            paths = ", ".join(shorten(["/".join(folder) for folder in found.unlabelled]))
            return Recognition(confidence=_ABOVE_FOLDERS, why=f"there are arrays of images: {paths}")
        return None

    def read(self, upload: Upload) -> Reading:
        found = upload.once(pair_arrays)
        names = _names(upload, found)
        places = {image: place for pair in found.pairs for image, place in _places(pair, names.names)}
        placements = {image: place for image, place in places.items() if isinstance(place, Placement)}
        return Reading(
            placements=placements,
            left_out=[
                *((image, place) for image, place in places.items() if isinstance(place, str)),
                *((image, "no label belongs to it") for image in upload.images if image not in places),
            ],
            findings=[
                *names.findings,
                *_several_sets(found),
                *_unclear(found),
                *_lengths(found),
                *_rivals(found),
                *_unlabelled(found),
                *_empty(found),
            ],
            documents=frozenset(pair.labels.document.parts for pair in found.pairs) | names.documents,
        )


def _names(upload: Upload, found: Pairs) -> ClassNames:
    """The names of classes that are numbers, from a document or another array."""
    labels = {label for pair in found.pairs for label in pair.labels.labels}
    for array in found.others:
        names = names_in_order(array.labels, labels)
        if names:
            return ClassNames(names=names, source=array.document.parts)
    return names_for(upload, labels)


def _places(pair: Pair, names: Mapping[str, str]) -> Iterator[tuple[Parts, Placement | str]]:
    if len(pair.images) != len(pair.labels.labels):
        return
    for image, label in zip(pair.images, pair.labels.labels, strict=True):
        name = names.get(label, label)
        if not name:
            yield image, "its label is empty"
        elif len(name) > MAX_CLASS_CHARACTERS:
            yield image, f"the class name is longer than {MAX_CLASS_CHARACTERS} characters"
        else:
            yield image, Placement(label=name, split=pair.split)


def _several_sets(found: Pairs) -> Iterator[Finding]:
    """Downloads of torchvision and MedMNIST lie in one folder: 3 is a digit in one of them, and a dress in another."""
    sets: dict[Split | None, dict[frozenset[str], Parts]] = defaultdict(dict)
    for pair in found.pairs:
        sets[pair.split].setdefault(pair.data_set, pair.folder)
    several = max(sets.values(), key=len, default={})
    if len(several) > 1 and all(label.isdigit() for pair in found.pairs for label in pair.labels.labels):
        paths = sorted("/".join(folder) for folder in several.values())
        text = (
            f"Arrays of several data sets, by their names, are taken together: {', '.join(shorten(paths))}. A number "
            "is the same class in all of them: upload one data set alone, if that is not so."
        )
        yield Finding(weight="warning", text=text, files=tuple(paths))


def _unclear(found: Pairs) -> Iterator[Finding]:
    if found.pairs:
        return
    images = ", ".join(shorten(["/".join(folder) for folder in found.unlabelled]))
    labels = ", ".join(shorten([array.document.path for array in found.others])) or "there are none"
    text = (
        f"Which labels belong to which images cannot be told: images are in {images}; labels: {labels}. Name the "
        "arrays x_train, y_train, x_test and y_test: np.savez(file, x_train=images, y_train=labels)."
    )
    yield Finding(weight="error", text=text, files=tuple(array.document.path for array in found.others))


def _lengths(found: Pairs) -> Iterator[Finding]:
    for pair in found.pairs:
        images, labels = len(pair.images), len(pair.labels.labels)
        if images != labels:
            path = pair.labels.document.path
            text = (
                f"{path} has {labels} labels, and {'/'.join(pair.folder)} has {images} images: which label is whose "
                "cannot be told. Save both anew from the same data."
            )
            yield Finding(weight="error", text=text, files=(path,))


def _rivals(found: Pairs) -> Iterator[Finding]:
    for pair in found.rivals:
        path = pair.labels.document.path
        text = (
            f"{path} may hold the labels of {'/'.join(pair.folder)} as well, and is not used. Keep one of the arrays."
        )
        yield Finding(weight="warning", text=text, files=(path,))


def _unlabelled(found: Pairs) -> Iterator[Finding]:
    for folder, images in found.unlabelled.items():
        path = "/".join(folder)
        text = f"{len(images)} images are left out: no array of labels belongs to {path}. Add it, or take them away."
        yield Finding(weight="warning", text=text, files=(path,))


def _empty(found: Pairs) -> Iterator[Finding]:
    for pair in found.pairs:
        count = sum(not label for label in pair.labels.labels)
        if count:
            path = pair.labels.document.path
            text = f"{path}: {count} of {len(pair.labels.labels)} labels are empty; their images are left out."
            yield Finding(weight="warning", text=text, files=(path,))
