"""Tables that say too much, too little, or something else than the folders."""

from collections.abc import Iterator

from benchmarks.exports.documents import as_json, images, table
from benchmarks.exports.export import Export
from benchmarks.exports.samples import ALL, CLASSES, TRAIN, Sample

HEADER = ["file", "label"]
FOLDERS = images(TRAIN, lambda s: f"train/{s.label}/")
TURNED = dict(zip(CLASSES, ("dog", "owl", "cat"), strict=True))


def rows(*more: str) -> bytes:
    """The true table, and lines after it."""
    return (table(TRAIN, lambda s: (s.name, s.label), header=HEADER) + "\r\n".join(more)).encode()


def exports() -> Iterator[Export]:
    first, second = TRAIN[0], TRAIN[1]
    few = {first.name, second.name}
    some = table(TRAIN, lambda s: (s.name, "dog" if s.name in few else s.label), header=HEADER).encode()
    yield Export(
        name="contradictions/a table against some folders",
        upload={**FOLDERS, "labels.csv": some},
        true=TRAIN[2:],
        given=(),
        doubtful=TRAIN[:2],
    )
    turned = table(TRAIN, lambda s: (s.name, TURNED[s.label]), header=HEADER).encode()
    yield Export(
        name="contradictions/a table against all folders",
        upload={**FOLDERS, "labels.csv": turned},
        true=TRAIN,
        refusal="36 of 36 rows say something else than the folders.*correct it, or take it out",
    )
    moved = {"train": "train", "val": "test", "test": "test"}
    splits = table(ALL, lambda s: (s.name, s.label, moved[s.split]), header=[*HEADER, "split"]).encode()
    yield Export(
        name="contradictions/a table of other splits",
        upload={**images(ALL, lambda s: f"{s.split}/"), "labels.csv": splits},
        true=[s for s in ALL if s.split != "val"],
        given=("train", "test"),
        doubtful=[s for s in ALL if s.split == "val"],
    )
    yield Export(
        name="contradictions/a row again with another label",
        upload={**images(TRAIN), "labels.csv": rows(f"{first.name},owl")},
        true=TRAIN[1:],
        given=(),
        doubtful=TRAIN[:1],
    )
    yield Export(
        name="contradictions/a row again with the same label",
        upload={**images(TRAIN), "labels.csv": rows(f"{first.name},{first.label}")},
        true=TRAIN,
        given=(),
    )
    yield from _partial(first)
    yield from _two_tables()


def _partial(first: Sample) -> Iterator[Export]:
    """Tables that fit only in part."""
    yield Export(
        name="contradictions/rows of images that are not there",
        upload={**images(TRAIN), "labels.csv": rows("nowhere.png,cat", "elsewhere.png,dog")},
        true=TRAIN,
        given=(),
        needs_warning=True,
    )
    unnamed = images(TRAIN) | {
        f"images/more{s.number}.png": s.data for s in ALL if s.label == "cat" and s.split == "test"
    }
    yield Export(
        name="contradictions/images that are in no row",
        upload={**unnamed, "labels.csv": rows()},
        true=TRAIN,
        given=(),
        left_out=[f"images/more{number}.png" for number in range(8)],
        needs_warning=True,
    )
    longer = rows().replace(f"{first.name},{first.label}".encode(), f"{first.name},{first.label},x,y".encode())
    yield Export(
        name="contradictions/a row that is too long",
        upload={**images(TRAIN), "labels.csv": longer},
        true=TRAIN[1:],
        given=(),
        doubtful=TRAIN[:1],
    )
    empty = rows().replace(f"{first.name},{first.label}".encode(), f"{first.name},".encode())
    yield Export(
        name="contradictions/a row without a label",
        upload={**images(TRAIN), "labels.csv": empty},
        true=TRAIN[1:],
        given=(),
        left_out=[f"images/{first.name}"],
    )
    spaced = table(TRAIN, lambda s: (f" {s.name}", f"{s.label} "), header=HEADER).encode()
    yield Export(
        name="contradictions/blanks around cells", upload={**images(TRAIN), "l.csv": spaced}, true=TRAIN, given=()
    )
    foreign = f"file,label\n{first.name},dog\n".encode()
    yield Export(
        name="contradictions/a table of one image beside class folders",
        upload={**FOLDERS, "labels.csv": foreign},
        true=TRAIN[1:],
        given=(),
        doubtful=TRAIN[:1],
    )
    yield Export(
        name="contradictions/a table of nothing beside images",
        upload={**images(TRAIN), "labels.csv": b"a;b;c\n1;2;3\n"},
        true=TRAIN,
        refusal="no column names images of the archive",
    )


def _two_tables() -> Iterator[Export]:
    rival = table(TRAIN, lambda s: (s.name, s.label, "ab"[s.number % 2]), header=["file", "class", "category"]).encode()
    yield Export(
        name="contradictions/two columns that may be the class",
        upload={**images(TRAIN), "labels.csv": rival},
        true=TRAIN,
        given=(),
        needs_warning=True,
    )
    unnamed = table(
        TRAIN, lambda s: (s.name, "ab"[s.number % 2], s.label), header=["img", "quality", "animal"]
    ).encode()
    yield Export(
        name="contradictions/two columns of unknown names",
        upload={**images(TRAIN), "labels.csv": unnamed},
        true=TRAIN,
        refusal="any of the columns quality, animal may be the class",
    )
    about = table(ALL, lambda s: (s.name, "AB"[s.number % 2], 24), header=["file_name", "camera", "width"]).encode()
    yield Export(
        name="contradictions/a table of cameras beside class folders",
        upload={**images(ALL, lambda s: f"{s.split}/{s.label}/"), "metadata.csv": about},
        true=ALL,
    )
    spelled = images(ALL, lambda s: f"{s.split}/{s.label.title() if s.split == 'train' else s.label}/")
    yield Export(
        name="contradictions/classes that are spelled otherwise in each split",
        upload=spelled,
        true=ALL,
        refusal="no training images in cat, dog, owl: .* call the class in all splits as it is called in train",
    )
    other = as_json({s.name: TURNED[s.label] for s in TRAIN})
    yield Export(
        name="contradictions/two tables that disagree",
        upload={**images(TRAIN), "labels.csv": rows(), "labels.json": other},
        true=TRAIN,
        refusal="say something else",
    )
