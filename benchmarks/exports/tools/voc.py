"""Pascal VOC, and LabelImg, which writes it."""

from collections.abc import Iterator, Sequence

from benchmarks.exports.documents import by_pattern, images
from benchmarks.exports.export import Export
from benchmarks.exports.samples import ALL, CLASSES, TRAIN, Sample, by_split


def xml(file: str, names: Sequence[str]) -> bytes:
    objects = "".join(
        f"<object><name>{name}</name><difficult>0</difficult><bndbox><xmin>1</xmin><ymax>9</ymax></bndbox></object>"
        for name in names
    )
    return f"<annotation>\n<folder>x</folder><filename>{file}</filename>{objects}</annotation>".encode()


def label_img(file: str, names: Sequence[str]) -> bytes:
    """As LabelImg writes it: an attribute at the root, and the path on the machine of whoever labelled it."""
    objects = "".join(
        f"<object>\n\t\t<name>{name}</name>\n\t\t<pose>Unspecified</pose>\n\t\t<truncated>0</truncated>"
        f"\n\t\t<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>8</xmax><ymax>9</ymax></bndbox>\n\t</object>"
        for name in names
    )
    head = f"<folder>x</folder>\n\t<filename>{file}</filename>\n\t<path>C:\\x\\{file}</path>"
    return f'<annotation verified="yes">\n\t{head}\n\t<segmented>0</segmented>\n\t{objects}\n</annotation>\n'.encode()


def annotations(found: Sequence[Sample], names: Sequence[str] = ()) -> dict[str, bytes]:
    return {f"Annotations/{each.stem}.xml": xml(each.name, names or [each.label, each.label]) for each in found}


def pictures(found: Sequence[Sample]) -> dict[str, bytes]:
    return images(found, lambda _sample: "JPEGImages/")


def listed(found: Sequence[Sample], split: str) -> dict[str, bytes]:
    """A list a class, of all images of the split."""
    return {
        f"ImageSets/Main/{name}_{split}.txt": "".join(
            f"{each.stem} {' 1' if each.label == name else '-1'}\n" for each in found
        ).encode()
        for name in (*CLASSES, "background")
    }


def split_lists(found: Sequence[Sample]) -> dict[str, bytes]:
    return {
        f"ImageSets/Main/{split}.txt": "\n".join(each.stem for each in part).encode()
        for split, part in by_split(found).items()
    }


def exports() -> Iterator[Export]:
    yield Export(
        name="voc/objects and lists of splits", upload=pictures(ALL) | annotations(ALL) | split_lists(ALL), true=ALL
    )
    lists = split_lists(ALL)
    for split, found in by_split(ALL).items():
        lists |= listed(found, split)
    yield Export(name="voc/lists of classes", upload=pictures(ALL) | lists, true=ALL)
    beside = {f"{each.split}/{each.stem}.xml": xml("test_1.png", [each.label]) for each in ALL}
    yield Export(name="voc/roboflow", upload=images(ALL, lambda s: f"{s.split}/") | beside, true=ALL)
    for variant, place in (("one folder", "images/"), ("class folders", "{label}/")):
        files = images(TRAIN, by_pattern(place))
        files |= {f"{place.format(label=s.label)}{s.stem}.xml": label_img(s.name, [s.label]) for s in TRAIN}
        yield Export(name=f"labelimg/{variant}", upload=files, true=TRAIN, given=())
    apart = {f"annotations/{each.stem}.xml": label_img(each.name, [each.label]) for each in TRAIN}
    yield Export(name="labelimg/a folder of annotations", upload=images(TRAIN) | apart, true=TRAIN, given=())
    mixed = apart | {f"annotations/{TRAIN[0].stem}.xml": label_img(TRAIN[0].name, ["cat", "owl"])}
    yield Export(
        name="labelimg/several classes",
        upload=images(TRAIN) | mixed,
        true=TRAIN,
        refusal="1 of 36 images show several classes",
    )
