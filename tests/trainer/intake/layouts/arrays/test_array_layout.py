"""Arrays of images and of their labels: every form in which they are saved, and what does not fit together."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from benchmarks.exports.array_files import Array, idx, npy, npz, numbers, pixels
from benchmarks.exports.samples import CLASSES, samples
from tests.trainer import archives
from tests.trainer.intake.samples import assert_right, take_in
from trainer.errors import DatasetNotUnderstood
from trainer.intake.archives.limits import IntakeLimits
from trainer.intake.freeze import freeze
from trainer.intake.placement import SPLITS, Split

ALL = samples(each=9)
X: dict[Split, Array] = {split: pixels([s for s in ALL if s.split == split]) for split in SPLITS}
GREY: dict[Split, Array] = {split: pixels([s for s in ALL if s.split == split], "L") for split in SPLITS}
Y: dict[Split, Array] = {split: numbers([s for s in ALL if s.split == split]) for split in SPLITS}
WORDS: dict[Split, Array] = {split: np.array(CLASSES)[Y[split].astype(int)] for split in SPLITS}
TRAIN_AND_TEST = [sample for sample in ALL if sample.split != "val"]
NUMBERS = ("0", "1", "2")


def both(images: dict[Split, Array], labels: dict[Split, Array]) -> dict[str, Array]:
    named = {f"{split}_images": images[split] for split in SPLITS}
    return named | {f"{split}_labels": labels[split] for split in SPLITS}


@pytest.mark.parametrize(
    "images",
    [
        X,
        GREY,
        {split: array[..., np.newaxis] for split, array in GREY.items()},
        {split: np.moveaxis(array, -1, 1) for split, array in X.items()},
        {split: array.astype(np.int64) for split, array in X.items()},
        {split: array.astype(">u2") for split, array in X.items()},
        {split: array.astype(np.float32) for split, array in X.items()},
        {split: (array.astype(np.float64) / 255) for split, array in X.items()},
        {split: (array.astype(np.float64) / 255).astype(np.float16) for split, array in GREY.items()},
    ],
    ids=["RGB", "grey", "one channel", "channels first", "int64", "uint16", "0 to 255.0", "0 to 1", "half precision"],
)
def test_images_of_every_shape_and_kind_of_number(tmp_path: Path, images: dict[Split, Array]) -> None:
    outcome = take_in(tmp_path, {"data.npz": npz(both(images, Y))})
    assert_right(outcome, ALL, names=NUMBERS)
    assert (outcome.report.layout, outcome.report.findings) == ("arrays of images and labels", ())
    assert outcome.report.skipped == ()


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (Y, NUMBERS),
        ({split: array.reshape(-1, 1).astype(np.int64) for split, array in Y.items()}, NUMBERS),
        ({split: array.astype(np.float32) for split, array in Y.items()}, NUMBERS),
        ({split: np.eye(3)[array.astype(int)] for split, array in Y.items()}, NUMBERS),
        (WORDS, CLASSES),
        ({split: array.astype("S") for split, array in WORDS.items()}, CLASSES),
    ],
    ids=["numbers", "one column", "fractions", "one hot", "words", "bytes"],
)
def test_labels_of_every_kind(tmp_path: Path, labels: dict[Split, Array], names: tuple[str, ...]) -> None:
    outcome = take_in(tmp_path, {"data.npz": npz(both(X, labels), compressed=True)})
    assert_right(outcome, ALL, names=names)
    assert outcome.report.findings == ()


@pytest.mark.parametrize(
    ("images", "labels"),
    [
        ("x_{}", "y_{}"),
        ("{}_x", "{}_y"),
        ("X{}", "y{}"),
        ("{}X", "{}Y"),
        ("{}_imgs", "{}_targets"),
        ("images_{}", "labels_{}"),
        ("data/{}/images", "data/{}/labels"),
        ("kmnist-{}-imgs/arr_0", "kmnist-{}-labels/arr_0"),
    ],
)
def test_labels_are_found_by_their_names(tmp_path: Path, images: str, labels: str) -> None:
    arrays = {name.format(split): of[split] for name, of in ((images, X), (labels, Y)) for split in SPLITS}
    files = {f"{name}.npy": npy(array) for name, array in arrays.items()}
    assert_right(take_in(tmp_path, files), ALL, names=NUMBERS)
    assert_right(take_in(tmp_path, {"data.npz": archives.zip_of(files)}), ALL, names=NUMBERS)


def test_an_archive_of_arrays_is_uploaded_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "upload").write_bytes(npz(both(X, Y)))
    direct = freeze(tmp_path / "upload", tmp_path / "dataset.zip", IntakeLimits())
    assert direct.digest == take_in(tmp_path, {"data.npz": npz(both(X, Y))}).report.digest


def test_arrays_without_names_belong_together_by_their_lengths(tmp_path: Path) -> None:
    images, labels = X["train"], Y["train"]
    arrays = {"arr_0": images, "arr_1": labels, "arr_2": X["test"][:20], "arr_3": Y["test"][:20]}
    outcome = take_in(tmp_path, {"data.npz": npz(arrays)})
    kept = [s for s in ALL if s.split == "train"] + [s for s in ALL if s.split == "test"][:20]
    assert_right(outcome, kept, given=(), names=NUMBERS)


@pytest.mark.parametrize(
    "arrays",
    [
        {"arr_0": X["train"], "arr_1": Y["train"], "arr_2": X["test"], "arr_3": Y["test"]},
        {"arr_0": X["train"], "arr_1": X["test"]},
        {"cats": X["train"], "dogs": X["test"][:20], "ages": Y["test"][:20]},
    ],
    ids=["equally long", "no labels", "numbers of no image"],
)
def test_labels_are_never_guessed(tmp_path: Path, arrays: dict[str, Array]) -> None:
    with pytest.raises(DatasetNotUnderstood, match="Which labels belong to which images cannot be told"):
        take_in(tmp_path, {"data.npz": npz(arrays)})


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("dash", ["-", "."])
@pytest.mark.parametrize("folder", [False, True])
def test_mnist(tmp_path: Path, packed: bool, dash: str, folder: bool) -> None:
    """Its own files; Kaggle's copy calls them otherwise, and puts each into a folder of its name."""
    files = {}
    names: dict[Split, str] = {"train": "train", "test": "t10k"}
    for split, name in names.items():
        for array, what in ((GREY[split], "images-idx3"), (Y[split], "labels-idx1")):
            path = f"{name}-{what}-ubyte".replace("-idx", f"{dash}idx")
            data = gzip.compress(idx(array)) if packed else idx(array)
            files[(f"{path}/" if folder else "") + path + (".gz" if packed else "")] = data
    outcome = take_in(tmp_path, files)
    assert_right(outcome, TRAIN_AND_TEST, given=("train", "test"), names=NUMBERS)
    assert (outcome.report.findings, outcome.report.skipped) == ((), ())


@pytest.mark.parametrize(
    "sets", [("MNIST/raw/{}", "FashionMNIST/raw/{}"), ("EMNIST/emnist-letters-{}", "EMNIST/emnist-digits-{}")]
)
def test_several_data_sets_of_numbered_classes_in_one_upload_are_told(tmp_path: Path, sets: tuple[str, str]) -> None:
    """As torchvision leaves them in one folder."""
    files = {}
    splits: tuple[Split, Split] = ("train", "test")  # which pixels lie where is of no matter here
    for place, split in zip(sets, splits, strict=True):
        files[place.format("train-images-idx3-ubyte")] = idx(GREY[split])
        files[place.format("train-labels-idx1-ubyte")] = idx(Y[split])
    told = [finding for finding in take_in(tmp_path, files).report.findings if "several data sets" in finding.text]
    assert [finding.weight for finding in told] == ["warning"]
    assert told[0].files == tuple(sorted(place.format("train-images") for place in sets))


@pytest.mark.parametrize("place", ["part_{}.npz", "batch {}/data.npz", "x/camera B{}/data.npz"])
def test_parts_are_no_data_sets(tmp_path: Path, place: str) -> None:
    splits: tuple[Split, Split] = ("train", "test")
    files = {place.format(number): npz({"x": X[split], "y": Y[split]}) for number, split in enumerate(splits)}
    assert [finding for finding in take_in(tmp_path, files).report.findings if "data sets" in finding.text] == []


def test_mnist_packed_and_unpacked(tmp_path: Path) -> None:
    """As torchvision leaves it after a download: every file twice. All images were there twice, and no label theirs."""
    names: dict[Split, str] = {"train": "train", "test": "t10k"}
    files = {
        f"MNIST/raw/{name}-{what}-ubyte": idx(array)
        for split, name in names.items()
        for array, what in ((GREY[split], "images-idx3"), (Y[split], "labels-idx1"))
    }
    files |= {f"{path}.gz": gzip.compress(data) for path, data in files.items()}
    outcome = take_in(tmp_path, files)
    assert_right(outcome, TRAIN_AND_TEST, given=("train", "test"), names=NUMBERS)
    assert outcome.report.findings == ()
    assert set(outcome.reasons.values()) == {"the same, unpacked, lies beside it"}


@pytest.mark.parametrize(
    "files",
    [
        {"label_names.npy": npy(np.array(CLASSES))},
        {"classes.txt": "\n".join(CLASSES).encode()},
        {"names.csv": b"number,what\n0,cat\n1,dog\n2,owl\n"},
        {
            "README.md": b"---\ndataset_info:\n  features:\n  - name: label\n    dtype:\n      class_label:\n"
            b"        names:\n          '0': cat\n          '1': dog\n          '2': owl\n---\n# Pets\n"
        },
    ],
    ids=["an array", "a list", "a table", "a card"],
)
def test_names_of_the_classes_come_from_elsewhere(tmp_path: Path, files: archives.Files) -> None:
    arrays = {f"{name}.npy": npy(array) for name, array in both(X, Y).items()}
    outcome = take_in(tmp_path, {**arrays, **files})
    assert_right(outcome, ALL)
    assert [finding.text for finding in outcome.report.findings] == [
        f"The names of the classes are taken from {next(iter(files))}."
    ]


def test_images_alone_are_no_classes(tmp_path: Path) -> None:
    files = {"train-images-idx3-ubyte": idx(GREY["train"]), "t10k-images-idx3-ubyte": idx(GREY["test"])}
    with pytest.raises(DatasetNotUnderstood, match="labels: there are none"):
        take_in(tmp_path, files)


def test_an_array_a_class(tmp_path: Path) -> None:
    train = [sample for sample in ALL if sample.split == "train"]
    arrays = {name: pixels([sample for sample in train if sample.label == name]) for name in CLASSES}
    assert_right(take_in(tmp_path, {"data.npz": npz(arrays)}), train, given=())
    assert_right(take_in(tmp_path, {f"{name}.npy": npy(array) for name, array in arrays.items()}), train, given=())


def test_files_that_are_called_as_if_out_of_an_array_are_not_taken_for_it(tmp_path: Path) -> None:
    train = [sample for sample in ALL if sample.split == "train"]
    files = {f"{sample.label}/{sample.number:06d}.png": sample.data for sample in train}
    assert_right(take_in(tmp_path, {**files, "ages.npy": npy(np.arange(9))}), train, given=())


def test_lengths_that_differ_are_an_error(tmp_path: Path) -> None:
    arrays = {"x_train": X["train"], "y_train": Y["train"][:-1]}
    with pytest.raises(DatasetNotUnderstood, match=r"y_train\.npy has 26 labels, and data/x_train has 27 images"):
        take_in(tmp_path, {"data.npz": npz(arrays)})


def test_images_without_labels_are_left_out_and_said(tmp_path: Path) -> None:
    outcome = take_in(tmp_path, {"data.npz": npz({"x_train": X["train"], "y_train": Y["train"], "x_test": X["test"]})})
    assert_right(outcome, [s for s in ALL if s.split == "train"], given=(), names=NUMBERS)
    assert [finding.text for finding in outcome.report.findings] == [
        "27 images are left out: no array of labels belongs to data/x_test. Add it, or take them away."
    ]
    assert set(outcome.reasons.values()) == {"no label belongs to it"}


def test_two_arrays_that_may_be_the_labels_are_a_warning(tmp_path: Path) -> None:
    arrays = {"x_train": X["train"], "labels_train": Y["train"], "y_train": 2 - Y["train"]}
    outcome = take_in(tmp_path, {"data.npz": npz(arrays)})
    assert_right(outcome, [s for s in ALL if s.split == "train"], given=(), names=NUMBERS)
    assert [(finding.weight, finding.files) for finding in outcome.report.findings] == [
        ("warning", ("data/y_train.npy",))
    ]


def test_empty_labels_are_left_out_and_said(tmp_path: Path) -> None:
    words = WORDS["train"].copy()
    words[3] = ""
    outcome = take_in(tmp_path, {"data.npz": npz({"x": X["train"], "y": words})})
    kept = [s for s in ALL if s.split == "train"]
    assert_right(outcome, kept[:3] + kept[4:], given=())
    assert outcome.reasons == {"data/x/000003.png": "its label is empty"}
    assert outcome.weights == ["warning"]
