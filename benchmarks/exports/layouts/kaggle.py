"""Kaggle's competitions and data sets: images by split, and tables beside them."""

from collections.abc import Iterator

from benchmarks.exports.documents import Cells, images, table
from benchmarks.exports.export import Export
from benchmarks.exports.samples import ALL, CLASSES, NUMBERS, TRAIN, Sample, by_split, encoded, samples

SECRET = samples(splits=["test"], each=30)


def exports() -> Iterator[Export]:
    hidden = {f"test/{s.stem}.jpg": s.data for s in SECRET}
    files = {f"train/{s.stem}.jpg": s.data for s in TRAIN} | hidden
    submission = table(SECRET, lambda s: (s.stem, "cat"), header=["id", "label"]).encode()
    beside: dict[str, tuple[list[str], Cells]] = {
        "id and label": (["id", "label"], lambda s: (s.stem, s.label)),
        "image_id and label": (["image_id", "label"], lambda s: (f"{s.stem}.jpg", s.label)),
        "one-hot": (["image_id", *CLASSES], lambda s: (s.stem, *(int(s.label == name) for name in CLASSES))),
        "path and more": (["filepath", "breed", "age"], lambda s: (f"train/{s.stem}.jpg", s.label, s.number)),
    }
    for variant, (header, cells) in beside.items():
        yield Export(
            name=f"kaggle/competition, {variant}",
            upload=files
            | {"train.csv": table(TRAIN, cells, header=header).encode(), "sample_submission.csv": submission}
            | {"test.csv": table(SECRET, lambda s: (s.stem,), header=[header[0]]).encode()},
            true=TRAIN,
            given=(),
            left_out=list(hidden),
        )
    yield Export(
        name="kaggle/competition without its table",
        upload=files,
        true=TRAIN,
        refusal="are splits and no classes.*Add the table of labels",
    )
    both = {f"{s.split}/{s.stem}.jpg": s.data for s in ALL}
    labels = table(ALL, lambda s: (f"{s.stem}.jpg", s.label), header=["filename", "label"]).encode()
    yield Export(name="kaggle/splits and one table", upload=both | {"labels.csv": labels}, true=ALL)
    parts = {
        f"{split}_labels.csv": table(found, lambda s: (f"{s.stem}.jpg", s.label), header=["filename", "label"]).encode()
        for split, found in by_split(ALL).items()
    }
    yield Export(name="kaggle/splits and a table a split", upload=both | parts, true=ALL)
    cats = {f"train/{s.label}.{s.number}.jpg": encoded(s, "JPEG") for s in TRAIN}
    unknown = {f"test/{at}.jpg": s.data for at, s in enumerate(SECRET, 1)}
    yield Export(name="kaggle/cats and dogs", upload=cats | unknown, true=TRAIN, given=(), left_out=list(unknown))
    yield from _known_sets()


def _known_sets() -> Iterator[Export]:
    """Arrangements of well-known data sets."""
    train, val, test = by_split(ALL).values()
    rows = table(val, lambda s: (s.name, s.label, 0, 0, 61, 62), delimiter="\t").encode()
    tiny = {
        **images(train, lambda s: f"tiny/train/{s.label}/images/"),
        **images(val, lambda s: "tiny/val/images/"),
        **images(test, lambda s: "tiny/test/images/"),
        "tiny/val/val_annotations.txt": rows,
        "tiny/wnids.txt": "\n".join(CLASSES).encode(),
    }
    yield Export(
        name="known sets/Tiny ImageNet",
        upload=tiny,
        true=[*train, *val],
        given=("train", "val"),
        left_out=[f"tiny/test/images/{s.name}" for s in test],
    )
    intel = {
        **images(train, lambda s: f"archive/seg_train/seg_train/{s.label}/"),
        **images(test, lambda s: f"archive/seg_test/seg_test/{s.label}/"),
        **images(val, lambda _s: "archive/seg_pred/seg_pred/"),
    }
    yield Export(
        name="known sets/Intel scenes",
        upload=intel,
        true=[*train, *test],
        given=("train", "test"),
        left_out=[f"archive/seg_pred/seg_pred/{s.name}" for s in val],
    )
    lists = {
        f"splits/{split}.txt": "".join(f"{s.label}/{s.name} {NUMBERS[s.label]}\n" for s in found).encode()
        for split, found in by_split(ALL).items()
    }
    yield Export(
        name="known sets/lists of paths and numbers over class folders",
        upload=images(ALL, lambda s: f"images/{s.label}/") | lists,
        true=ALL,
    )
    yield Export(
        name="known sets/classes in the names of images",
        upload=images(TRAIN, lambda s: f"images/{s.label}_{s.number}.jpg"),
        true=TRAIN,
        refusal="class",
    )
    ham = table(TRAIN, _lesion, header=["lesion_id", "image_id", "dx", "dx_type", "age", "sex", "localization"])
    halves = images(TRAIN, lambda s: f"HAM10000_images_part_{1 + s.number % 2}/")
    yield Export(
        name="known sets/HAM10000", upload={**halves, "HAM10000_metadata.csv": ham.encode()}, true=TRAIN, given=()
    )


def _lesion(sample: Sample) -> tuple[object, ...]:
    return (f"L{sample.stem}", sample.stem, sample.label, ("histo", "consensus")[sample.number % 2], 40, "male", "back")
