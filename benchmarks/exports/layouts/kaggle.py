"""Kaggle's competitions and data sets: images by split, and tables beside them."""

from collections.abc import Iterator, Sequence

from benchmarks.exports.documents import Cells, as_json, images, table
from benchmarks.exports.export import Export
from benchmarks.exports.packing import zip_of
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
    yield from _known_competitions()


def _known_competitions() -> Iterator[Export]:
    secret = {f"test_images/{s.stem}.png": s.data for s in SECRET}
    eyes = {
        **images(TRAIN, lambda _s: "train_images/"),
        **secret,
        "train.csv": table(TRAIN, lambda s: (s.stem, NUMBERS[s.label]), header=["id_code", "diagnosis"]).encode(),
        "test.csv": table(SECRET, lambda s: (s.stem,), header=["id_code"]).encode(),
        "sample_submission.csv": table(SECRET, lambda s: (s.stem, 0), header=["id_code", "diagnosis"]).encode(),
    }
    names = tuple(map(str, range(len(CLASSES))))
    yield Export(name="kaggle/APTOS", upload=eyes, true=TRAIN, given=(), names=names, left_out=list(secret))
    cassava = {
        **images(TRAIN, lambda s: f"train_images/{s.stem}.jpg"),
        "train_tfrecords/ld_train00.tfrec": b"\x10\0\0\0" + bytes(99),
        "train.csv": table(TRAIN, lambda s: (f"{s.stem}.jpg", NUMBERS[s.label]), header=["image_id", "label"]).encode(),
        "label_num_to_disease_map.json": as_json({str(number): name for name, number in NUMBERS.items()}),
        "sample_submission.csv": b"image_id,label\n2216849948.jpg,4\n",
    }
    yield Export(name="kaggle/cassava", upload=cassava, true=TRAIN, given=())
    plants = {
        **{f"images/Train_{at}.jpg": s.data for at, s in enumerate(TRAIN)},
        **{f"images/Test_{at}.jpg": s.data for at, s in enumerate(SECRET)},
        "train.csv": _one_hot(TRAIN),
        "test.csv": "\n".join(["image_id", *(f"Test_{at}" for at, _ in enumerate(SECRET))]).encode(),
    }
    unlabelled = [f"images/Test_{at}.jpg" for at, _ in enumerate(SECRET)]
    yield Export(name="kaggle/plant pathology", upload=plants, true=TRAIN, given=(), left_out=unlabelled)
    yield Export(
        name="kaggle/pixels in a table",
        upload={"mnist_train.csv": table(TRAIN, lambda s: (NUMBERS[s.label], *range(64))).encode()},
        true=TRAIN,
        refusal="[Nn]o image|pixels",
    )
    workbook = zip_of({"[Content_Types].xml": b"<Types/>", "xl/workbook.xml": b"<workbook/>"})
    yield Export(
        name="kaggle/a workbook of labels",
        upload={**images(TRAIN), "labels.xlsx": workbook},
        true=TRAIN,
        refusal="labels.xlsx.*CSV",
    )


def _one_hot(found: Sequence[Sample]) -> bytes:
    rows = [",".join([f"Train_{at}", *(str(int(s.label == name)) for name in CLASSES)]) for at, s in enumerate(found)]
    return "\n".join([",".join(["image_id", *CLASSES]), *rows]).encode()
