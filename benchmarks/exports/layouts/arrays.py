"""Arrays of images and of their labels."""

import gzip
from collections.abc import Iterator, Mapping

import numpy as np

from benchmarks.exports.array_files import Array, idx, npy, npz, numbers, pixels
from benchmarks.exports.export import Export
from benchmarks.exports.samples import ALL, CLASSES, TRAIN, by_split
from trainer.intake.placement import Split

NUMBER_NAMES = ("0", "1", "2")


def exports() -> Iterator[Export]:
    colours: dict[Split, Array] = {split: pixels(found) for split, found in by_split(ALL).items()}
    grey: dict[Split, Array] = {split: pixels(found, "L") for split, found in by_split(ALL).items()}
    labels: dict[Split, Array] = {split: numbers(found) for split, found in by_split(ALL).items()}
    for variant, images in (
        ("RGB", colours),
        ("grey", grey),
        ("channels first", {split: np.moveaxis(array, -1, 1) for split, array in colours.items()}),
        ("fractions", {split: array.astype(np.float64) / 255 for split, array in colours.items()}),
    ):
        data = npz(_named("x_{}", images) | _named("y_{}", labels))
        yield Export(name=f"arrays/npz, {variant}", upload=data, true=ALL, names=NUMBER_NAMES)
    med = npz(_named("{}_images", grey) | _named("{}_labels", {s: a.reshape(-1, 1) for s, a in labels.items()}))
    yield Export(name="arrays/MedMNIST", upload={"pathmnist.npz": med}, true=ALL, names=NUMBER_NAMES)
    words = {split: np.array(CLASSES)[array.astype(int)] for split, array in labels.items()}
    yield Export(name="arrays/words", upload=npz(_named("x_{}", colours) | _named("y_{}", words)), true=ALL)
    one_hot = {split: np.eye(3)[array.astype(int)] for split, array in labels.items()}
    files = {f"{name}.npy": npy(array) for name, array in (_named("X_{}", colours) | _named("y_{}", one_hot)).items()}
    yield Export(name="arrays/npy, one-hot", upload=files, true=ALL, names=NUMBER_NAMES)
    yield Export(
        name="arrays/npy with a list of names",
        upload=files | {"classes.txt": "\n".join(CLASSES).encode()},
        true=ALL,
    )
    yield from _mnist(grey, labels)
    yield from _unclear(colours, labels)
    singles = {f"{s.label}/{s.stem}.npy": npy(pixels([s])[0]) for s in TRAIN}
    yield Export(name="arrays/an npy an image in class folders", upload=singles, true=TRAIN, given=())
    greys = {f"{s.split}/{s.label}/{s.stem}.npy": npy(pixels([s], "L")[0]) for s in ALL}
    refusal = "no array of images: .* each as a PNG file"
    yield Export(name="arrays/a grey npy an image in folders of splits", upload=greys, true=ALL, refusal=refusal)


def _named(pattern: str, arrays: Mapping[Split, Array]) -> dict[str, Array]:
    return {pattern.format(split): array for split, array in arrays.items()}


def _mnist(grey: Mapping[Split, Array], labels: Mapping[Split, Array]) -> Iterator[Export]:
    given: tuple[Split, ...] = ("train", "test")
    true = [sample for sample in ALL if sample.split in given]
    for variant, packed in (("packed", True), ("unpacked", False)):
        files = {}
        for split, name in (("train", "train"), ("test", "t10k")):
            for array, what in ((grey[split], "images-idx3"), (labels[split], "labels-idx1")):  # type: ignore[index]  # names of splits
                data = gzip.compress(idx(array)) if packed else idx(array)
                files[f"MNIST/raw/{name}-{what}-ubyte{'.gz' if packed else ''}"] = data
        yield Export(name=f"arrays/MNIST, {variant}", upload=files, true=true, given=given, names=NUMBER_NAMES)


def _unclear(colours: Mapping[Split, Array], labels: Mapping[Split, Array]) -> Iterator[Export]:
    unclear = {"arr_0": colours["train"], "arr_1": labels["train"], "arr_2": colours["test"], "arr_3": labels["test"]}
    yield Export(
        name="arrays/four of equal length without names",
        upload=npz(unclear),
        true=ALL,
        refusal="Which labels belong to which images cannot be told",
    )
    yield Export(
        name="arrays/no labels",
        upload=npz({"x_train": colours["train"]}),
        true=ALL,
        refusal="label",
    )
