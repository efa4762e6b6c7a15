"""Tables of labels in every form that people have them."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence

from benchmarks.exports.documents import Cells, as_json, as_lines, images, table
from benchmarks.exports.export import Export
from benchmarks.exports.layouts.hugging_face import as_parquet
from benchmarks.exports.samples import ALL, CLASSES, NUMBERS, TRAIN, Sample, by_split, samples


def named(sample: Sample) -> Sequence[str]:
    return (f"images/{sample.name}", sample.label)


def forms(found: Sequence[Sample]) -> Mapping[str, tuple[str, bytes]]:
    """The same labels of images in `images/`, written in every way: name of the document and its bytes."""
    plain = table(found, named, header=["file", "label"])
    return {
        "CSV": ("labels.csv", plain.encode()),
        "CSV with line feeds": ("labels.csv", plain.replace("\r\n", "\n").encode()),
        "CSV with a mark": ("labels.csv", b"\xef\xbb\xbf" + plain.encode()),
        "CSV in UTF-16": ("labels.csv", plain.encode("utf-16")),
        "CSV in UTF-16 LE without a mark": ("labels.csv", plain.encode("utf-16-le")),
        "CSV in UTF-16 BE without a mark": ("labels.csv", plain.encode("utf-16-be")),
        "CSV with semicolons": ("labels.csv", plain.replace(",", ";").encode()),
        "CSV with semicolons, as Excel says": ("labels.csv", b"sep=;\r\n" + plain.replace(",", ";").encode()),
        "CSV with bars": ("labels.csv", plain.replace(",", "|").encode()),
        "CSV with tabs": ("labels.csv", plain.replace(",", "\t").encode()),
        "CSV with empty cells at the ends": ("labels.csv", plain.replace("\r\n", ",\r\n").encode()),
        "TSV": ("labels.tsv", plain.replace(",", "\t").encode()),
        "text with tabs": ("labels.txt", plain.replace(",", "\t").encode()),
        "CSV without a header": ("labels.csv", table(found, named).encode()),
        "label first, no header": ("labels.csv", table(found, lambda s: named(s)[::-1]).encode()),
        "names alone": ("labels.csv", table(found, lambda s: (s.name, s.label), header=["image", "class"]).encode()),
        "ids without suffix": (
            "labels.csv",
            table(found, lambda s: (s.stem, s.label), header=["id", "breed"]).encode(),
        ),
        "unknown columns": ("labels.csv", table(found, lambda s: (s.stem, s.label), header=["nr", "sort"]).encode()),
        "Windows paths": (
            "labels.csv",
            table(found, lambda s: (f"./images\\{s.name}", s.label), header=["a", "b"]).encode(),
        ),
        "in a folder of its own": (
            "meta/labels.csv",
            table(found, named, header=["Image Path", "Class Name"]).encode(),
        ),
        "beside the images": ("images/labels.csv", table(found, lambda s: (s.name, s.label)).encode()),
        "Colab's paths": ("l.csv", table(found, lambda s: (f"/content/drive/MyDrive/a b/{s.name}", s.label)).encode()),
        "addresses": ("l.csv", table(found, lambda s: (f"s3://bucket/images/{s.name}", s.label)).encode()),
        "names in capitals": ("l.csv", table(found, lambda s: (s.name.upper(), s.label)).encode()),
        "signs in percent": ("l.csv", table(found, lambda s: (s.name.replace("_", "%5F"), s.label)).encode()),
        "JSON Lines": ("labels.jsonl", as_lines({"path": s.name, "label": s.label} for s in found)),
        "JSON Lines that are called JSON": ("l.json", as_lines({"path": s.name, "label": s.label} for s in found)),
        "addresses with a query": (
            "l.csv",
            table(
                found, lambda s: (f"https://example.org/a/{s.name}?w=1&h=2", s.label), header=["url", "label"]
            ).encode(),
        ),
        "lines of an old Macintosh": ("l.csv", plain.replace("\r\n", "\r").encode()),
        "Unicode text of Excel": ("l.txt", plain.replace(",", "\t").encode("utf-16")),
        "JSON Lines of pairs": ("labels.ndjson", as_lines([s.name, s.label] for s in found)),
        "JSON array": ("labels.json", as_json([{"image": s.name, "category": s.label} for s in found])),
        "JSON array in UTF-16": ("labels.json", json.dumps([[s.name, s.label] for s in found]).encode("utf-16")),
        "JSON array in an object": (
            "a.json",
            as_json({"info": 1, "data": [{"image": s.name, "y": s.label} for s in found]}),
        ),
        "JSON from image to label": ("labels.json", as_json({s.name: s.label for s in found})),
        "JSON from image to object": ("labels.json", as_json({s.name: {"label": s.label, "size": 24} for s in found})),
        "JSON from label to images": (
            "labels.json",
            as_json({name: [s.name for s in found if s.label == name] for name in CLASSES}),
        ),
    }


ROLES: Mapping[str, tuple[list[str], Cells]] = {
    "index and name": (["file", "label", "label_name"], lambda s: (s.name, NUMBERS[s.label], s.label)),
    "numbers first": (["class_id", "class_name", "image_id"], lambda s: (NUMBERS[s.label], s.label, s.name)),
    "one-hot": (["file", *CLASSES], lambda s: (s.name, *(int(s.label == name) for name in CLASSES))),
    "one-hot fractions": (["image", *CLASSES], lambda s: (s.stem, *(f"{s.label == name:.1f}" for name in CLASSES))),
    "one-hot words": (["image", *CLASSES], lambda s: (s.stem, *(s.label == name for name in CLASSES))),
    "sizes": (["file", "width", "height", "species"], lambda s: (s.name, 24, s.number % 2, s.label)),
    "row numbers": (["", "file", "xmin", "what"], lambda s: (s.number, s.name, s.number % 2, s.label)),
    "scores": (["filename", "label", "confidence"], lambda s: (s.name, s.label, f"0.{s.number % 7}")),
    "a diagnosis": (
        ["lesion_id", "image_id", "dx", "dx_type", "age", "sex"],
        lambda s: (f"L_{s.stem}", s.stem, s.label, ("histo", "follow_up")[s.number % 2], 40.0, "male"),
    ),
    "folder and name": (["folder", "filename", "label"], lambda s: ("images", s.name, s.label)),
    "quoted commas": (["file", "label", "note"], lambda s: (s.name, s.label, f"seen, twice, by {s.number}")),
}


def exports() -> Iterator[Export]:
    for form, (name, data) in forms(TRAIN).items():
        yield Export(name=f"tables/{form}", upload={**images(TRAIN), name: data}, true=TRAIN, given=())
    parquet = as_parquet([{"file": s.name, "label": s.label} for s in TRAIN])
    yield Export(name="tables/Parquet", upload={**images(TRAIN), "labels.parquet": parquet}, true=TRAIN, given=())
    for role, (header, cells) in ROLES.items():
        data = table(TRAIN, cells, header=header).encode()
        yield Export(name=f"columns/{role}", upload={**images(TRAIN), "labels.csv": data}, true=TRAIN, given=())
    classes = ("Käfer", "Möwe")
    latin = samples(classes, splits=["train"], each=12)
    data = table(latin, named, header=["file", "label"]).encode("cp1252")
    yield Export(name="tables/CSV in Windows-1252", upload={**images(latin), "l.csv": data}, true=latin, given=())
    yield from _splits()
    yield from _several()


def _splits() -> Iterator[Export]:
    """Tables that tell splits."""
    columns: Mapping[str, tuple[list[str], Cells]] = {
        "split": (["file", "label", "split"], lambda s: (s.name, s.label, s.split)),
        "Data Set": (["file", "label", "Data Set"], lambda s: (s.name, s.label, f"{s.split.upper()}_SET")),
        "ml_use": (
            ["ml_use", "file", "label"],
            lambda s: ({"val": "validation"}.get(s.split, s.split), s.name, s.label),
        ),
    }
    for column, (header, cells) in columns.items():
        data = table(ALL, cells, header=header).encode()
        yield Export(name=f"splits in tables/{column}", upload={**images(ALL), "labels.csv": data}, true=ALL)
    found = samples(splits=["train", "test"], each=12)
    data = table(
        found, lambda s: (s.name, s.label, int(s.split == "test")), header=["file", "label", "is_test"]
    ).encode()
    yield Export(
        name="splits in tables/is_test", upload={**images(found), "l.csv": data}, true=found, given=("train", "test")
    )
    for where in ("{split}/labels.csv", "{split}.csv", "meta/{split}_labels.csv"):
        files = images(ALL, lambda s: f"{s.split}/")
        for split, part in by_split(ALL).items():
            files[where.format(split=split)] = table(
                part, lambda s: (s.name, s.label), header=["file", "label"]
            ).encode()
        yield Export(name=f"splits in tables/{where}", upload=files, true=ALL)
    files = images(ALL, lambda s: f"images/{s.label}/")
    lists = {
        f"meta/{split}.txt": "\n".join(f"{s.label}/{s.stem}" for s in part).encode()
        for split, part in by_split(ALL).items()
    }
    yield Export(name="splits in tables/lists over class folders", upload=files | lists, true=ALL)
    data = table(ALL, lambda s: (s.name, s.label), header=["file", "label"]).encode()
    pictures = images(ALL, lambda s: f"{s.split}/{s.label}/")
    yield Export(name="splits in tables/none, folders have them", upload={**pictures, "l.csv": data}, true=ALL)


def _several() -> Iterator[Export]:
    """Tables that say something together."""
    numbers = {s.name: str(at + 1000) for at, s in enumerate(ALL)}
    tables: Mapping[str, tuple[list[str], Callable[[Sample], Sequence[object]]]] = {
        "images.csv": (["image_nr", "path"], lambda s: (numbers[s.name], s.name)),
        "labels.csv": (["class", "image_nr"], lambda s: (s.label, numbers[s.name])),
        "splits.csv": (["image_nr", "split"], lambda s: (numbers[s.name], s.split)),
    }
    joined = {name: table(ALL, cells, header=header).encode() for name, (header, cells) in tables.items()}
    yield Export(name="several tables/joined by a number", upload=images(ALL) | joined, true=ALL)
    found = samples(splits=["train", "test"], each=12)
    lists = {
        "images.txt": (f"{at} {s.label}/{s.name}" for at, s in enumerate(found, 1)),
        "image_class_labels.txt": (f"{at} {1 + NUMBERS[s.label]}" for at, s in enumerate(found, 1)),
        "train_test_split.txt": (f"{at} {int(s.split == 'train')}" for at, s in enumerate(found, 1)),
        "classes.txt": (f"{at} {name}" for at, name in enumerate(CLASSES, 1)),
    }
    cub = {f"cub/{name}": "\n".join(lines).encode() for name, lines in lists.items()}
    yield Export(
        name="several tables/CUB-200",
        upload=images(found, lambda s: f"cub/images/{s.label}/") | cub,
        true=found,
        given=("train", "test"),
    )
    numbered = table(TRAIN, lambda s: (s.name, NUMBERS[s.label]), header=["file", "label"]).encode()
    for name, data in (
        ("classes.csv", b"class_id,name\n0,cat\n1,dog\n2,owl\n"),
        ("label_map.json", as_json({str(number): name for name, number in NUMBERS.items()})),
        ("class_names.txt", "\n".join(CLASSES).encode()),
        ("class_to_idx.json", as_json(dict(NUMBERS))),
    ):
        files = {**images(TRAIN), "train.csv": numbered, name: data}
        yield Export(name=f"several tables/names in {name}", upload=files, true=TRAIN, given=())
