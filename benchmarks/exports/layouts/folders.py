"""Class folders and folders of splits, in the spellings and shapes that people give them."""

from collections.abc import Iterator, Mapping

from benchmarks.exports.documents import Place, images
from benchmarks.exports.export import Export
from benchmarks.exports.samples import ALL, TRAIN, samples
from trainer.intake.placement import SPLITS, Split

CLASS_FOLDERS: Mapping[str, Place] = {
    "bare": lambda s: f"{s.label}/",
    "wrapped": lambda s: f"data/{s.label}/",
    "wrapped twice": lambda s: f"my-repo-main/images/{s.label}/",
    "folders in classes": lambda s: f"{s.label}/{'left' if s.number % 2 else 'right'} {s.label}/",
    "years in classes": lambda s: f"{s.label}/2019{s.number % 2}/",
    "images in classes": lambda s: f"{s.label}/images/",
    "train alone": lambda s: f"train/{s.label}/",
    "the class in the names as well": lambda s: f"{s.label}/{s.label}.{s.number}.png",
    "numbers that come again in every class": lambda s: f"{s.label}/{s.number:04d}.png",
    "suffixes in capitals": lambda s: f"{s.label}/IMG_{s.number:04d}.PNG",
}

SPELLINGS: tuple[tuple[str, str, str], ...] = (
    ("train", "val", "test"),
    ("Train", "VALID", "Test"),
    ("seg_train", "seg_val", "seg_test"),
    ("seg_train/seg_train", "seg_val/seg_val", "seg_test/seg_test"),
    ("Training Data", "Validation Data", "Testing Data"),
    ("train2017", "val2017", "test2017"),
    ("train1", "eval1", "test1"),
    ("TrainSet", "DevSet", "TestSet"),
    ("training_set", "evaluation-set", "hold-out"),
    ("TRAINING", "EVAL", "HOLDOUT"),
    ("fruits-360_train", "fruits-360_validation", "fruits-360_holdout"),
    ("pets/train", "pets/valid", "pets/test"),
    ("01_train", "02_val", "03_test"),
    ("images/train", "images/val", "images/test"),
    ("train/images", "val/images", "test/images"),
    ("dataset (train)", "dataset (dev)", "dataset (test)"),
    ("xtrain", "xval", "xtest"),
    ("Train_Images", "Val_Images", "Test_Images"),
)

BELOW: Mapping[str, Place] = {
    "splits in classes": lambda s: f"{s.label}/{s.split}/",
    "splits in classes, wrapped": lambda s: f"set/{s.label}/{s.split} images/",
    "folders in classes in splits": lambda s: f"{s.split}/{s.label}/{s.number % 3}/",
}


def spelled(train: str, val: str, test: str) -> Place:
    names = dict(zip(SPLITS, (train, val, test), strict=True))
    return lambda sample: f"{names[sample.split]}/{sample.label}/"


def exports() -> Iterator[Export]:
    for variant, place in CLASS_FOLDERS.items():
        yield Export(name=f"class folders/{variant}", upload=images(TRAIN, place), true=TRAIN, given=())
    for spelling in SPELLINGS:
        name = f"split folders/{', '.join(spelling)}"
        yield Export(name=name, upload=images(ALL, spelled(*spelling)), true=ALL)
    for variant, place in BELOW.items():
        yield Export(name=f"split folders/{variant}", upload=images(ALL, place), true=ALL)
    parts: tuple[tuple[Split, ...], ...] = (("train", "test"), ("train", "val"))
    for given in parts:
        found = samples(splits=given, each=12)
        upload = images(found, spelled("Training", "Validation", "Testing"))
        yield Export(name=f"split folders/{' and '.join(given)} only", upload=upload, true=found, given=given)
    few = [sample for sample in ALL if sample.split == "train" or sample.label == "cat"]
    upload = images(few, spelled("train", "val", "test"))
    yield Export(name="split folders/one class in val and test", upload=upload, true=few)
    yield from _refused()


def _refused() -> Iterator[Export]:
    """What folders alone cannot tell."""
    unclear: dict[str, tuple[Place, str]] = {
        "splits without classes": (lambda s: f"{s.split}/", "are splits and no classes.*Add the table"),
        "splits of images without classes": (
            lambda s: f"{s.split}/images/",
            "are splits and no classes.*Add the table",
        ),
        "two floors": (
            lambda s: f"{('apple', 'pear')[s.number % 2]}/{s.label}/",
            "can be read in two ways.*name the upper",
        ),
        "splits in the classes' names": (
            lambda s: f"{s.split}_{s.label}/",
            "can be read in two ways.*put their images",
        ),
        "images and masks": (lambda s: f"{('images', 'masks')[s.number % 2]}/", "by their use.*Sort the images"),
        "no folder at all": (lambda _s: "", "folder"),
        "one class": (lambda s: "all/", "at least 2 class"),
    }
    for variant, (place, refusal) in unclear.items():
        yield Export(name=f"unclear folders/{variant}", upload=images(ALL, place), true=ALL, refusal=refusal)
