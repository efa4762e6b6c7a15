"""Well-known data sets with tables and lists beside the images, which are ours."""

from collections.abc import Iterator, Mapping, Sequence

from benchmarks.exports.documents import as_json, images, table
from benchmarks.exports.export import Export
from benchmarks.exports.samples import ALL, CLASSES, NUMBERS, TRAIN, Sample, by_split, samples
from trainer.intake.placement import Split

TRAIN_AND_TEST: tuple[Split, ...] = ("train", "test")
BOTH = samples(splits=TRAIN_AND_TEST, each=12)
SHORT: Mapping[Split, str] = {"train": "train", "val": "valid", "test": "test"}


def exports() -> Iterator[Export]:
    yield from _over_folders()
    yield from _of_loose_images()
    yield from _lists()
    yield from _json()


def _over_folders() -> Iterator[Export]:
    birds = table(
        ALL,
        lambda s: (
            NUMBERS[s.label],
            f"{SHORT[s.split]}/{s.label}/{s.name}",
            s.label,
            SHORT[s.split],
            f"{s.label} felis",
        ),
        header=["class id", "filepaths", "labels", "data set", "scientific name"],
    )
    files = images(ALL, lambda s: f"{SHORT[s.split]}/{s.label}/")
    yield Export(name="known sets/birds", upload={**files, "birds.csv": birds.encode()}, true=ALL)
    noisy = table(
        BOTH,
        lambda s: (f"train/{s.label}/{s.name}", s.label, s.label, CLASSES[s.number % 3], s.split == "test"),
        header=["path", "noisy_labels_0", "noisy_labels_1", "noisy_labels_50", "is_valid"],
    )
    noisy = noisy.replace("train/", "imagenette2/train/")
    train = [sample for sample in BOTH if sample.split == "train"]
    imagenette = images(train, lambda s: f"imagenette2/train/{s.label}/")
    yield Export(
        name="known sets/imagenette",
        upload={**imagenette, "imagenette2/noisy_imagenette.csv": noisy.encode()},
        true=train,
        given=(),
        needs_warning=True,
    )
    satellite = images(ALL, lambda s: f"EuroSAT/{s.label}/{s.label}_{s.stem}.jpg")
    for split, name in {**SHORT, "val": "validation"}.items():
        rows = table(
            by_split(ALL)[split],
            lambda s: (s.number, f"{s.label}/{s.label}_{s.stem}.jpg", NUMBERS[s.label], s.label),
            header=["", "Filename", "Label", "ClassName"],
        )
        satellite[f"EuroSAT/{name}.csv"] = rows.encode()
    satellite["EuroSAT/label_map.json"] = as_json(dict(NUMBERS))
    yield Export(name="known sets/EuroSAT", upload=satellite, true=ALL)
    signs = images(BOTH, lambda s: f"Train/{NUMBERS[s.label]}/" if s.split == "train" else "Test/")
    for split, found in by_split(BOTH).items():
        if found:
            signs[f"{split.title()}.csv"] = table(found, _sign, header=["Width", "Height", "ClassId", "Path"]).encode()
    yield Export(name="known sets/traffic signs", upload=signs, true=BOTH, given=TRAIN_AND_TEST, names=("0", "1", "2"))


def _sign(sample: Sample) -> Sequence[object]:
    number = NUMBERS[sample.label]
    folder = f"Train/{number}" if sample.split == "train" else "Test"
    return (24, 24, number, f"{folder}/{sample.name}")


def _of_loose_images() -> Iterator[Export]:
    ham = table(
        TRAIN,
        lambda s: (f"L{s.stem}", s.stem, s.label, ("histo", "consensus")[s.number % 2], 40, "male", "back"),
        header=["lesion_id", "image_id", "dx", "dx_type", "age", "sex", "localization"],
    )
    files = images(TRAIN, lambda s: f"HAM10000_images_part_{1 + s.number % 2}/")
    yield Export(
        name="known sets/HAM10000", upload={**files, "HAM10000_metadata.csv": ham.encode()}, true=TRAIN, given=()
    )
    isic = {
        **images(TRAIN, lambda s: f"ISIC_2019_Training_Input/{s.stem}.jpg"),
        "ISIC_2019_Training_GroundTruth.csv": table(
            TRAIN,
            lambda s: (s.stem, *(f"{s.label == name:.1f}" for name in (*CLASSES, "UNK"))),
            header=["image", *CLASSES, "UNK"],
        ).encode(),
        "ISIC_2019_Training_Metadata.csv": table(
            TRAIN,
            lambda s: (
                s.stem,
                40.0 + s.number % 3,
                ("torso", "head")[s.number % 2],
                "",
                ("male", "female")[s.number % 2],
            ),
            header=["image", "age_approx", "anatom_site_general", "lesion_id", "sex"],
        ).encode(),
    }
    yield Export(name="known sets/ISIC 2019", upload=isic, true=TRAIN, given=())
    true = [*by_split(BOTH)["train"]]
    held_out = samples(splits=["val"])
    fast = table(
        [*true, *held_out], lambda s: (s.name, s.label, s.split == "val"), header=["fname", "labels", "is_valid"]
    ).encode()
    yield Export(
        name="known sets/tables of fastai",
        upload={**images([*true, *held_out]), "labels.csv": fast},
        true=[*true, *held_out],
        given=("train", "val"),
    )
    human = [f"{s.stem},verification,{name},{int(name == s.label)}" for s in TRAIN for name in CLASSES]
    yield Export(
        name="known sets/Open Images",
        upload={**images(TRAIN), "labels.csv": "\n".join(["ImageID,Source,LabelName,Confidence", *human]).encode()},
        true=TRAIN,
        given=(),
    )


def _lists() -> Iterator[Export]:
    train, val, test = by_split(ALL).values()
    rows = table(val, lambda s: (s.name, s.label, 0, 0, 61, 62), delimiter="\t").encode()
    tiny = {
        **images(train, lambda s: f"tiny/train/{s.label}/images/"),
        **images(val, lambda _s: "tiny/val/images/"),
        **images(test, lambda _s: "tiny/test/images/"),
        "tiny/val/val_annotations.txt": rows,
        "tiny/wnids.txt": "\n".join(CLASSES).encode(),
    }
    unlabelled = [f"tiny/test/images/{s.name}" for s in test]
    yield Export(
        name="known sets/Tiny ImageNet", upload=tiny, true=[*train, *val], given=("train", "val"), left_out=unlabelled
    )
    over = images(ALL, lambda s: f"images/{s.label}/")
    numbered = {
        f"splits/{split}.txt": "".join(f"{s.label}/{s.name} {NUMBERS[s.label]}\n" for s in found).encode()
        for split, found in by_split(ALL).items()
    }
    yield Export(name="known sets/lists of paths and numbers", upload=over | numbered, true=ALL)
    food = images(BOTH, lambda s: f"food-101/images/{s.label}/{s.stem}.jpg")
    for split, found in by_split(BOTH).items():
        if found:
            food[f"food-101/meta/{split}.txt"] = "\n".join(f"{s.label}/{s.stem}" for s in found).encode()
            paths = {name: [f"{name}/{s.stem}" for s in found if s.label == name] for name in CLASSES}
            food[f"food-101/meta/{split}.json"] = as_json(paths)
    food |= {"food-101/meta/classes.txt": "\n".join(CLASSES).encode(), "food-101/meta/labels.txt": b"Cat\nDog\nOwl\n"}
    yield Export(name="known sets/Food-101", upload=food, true=BOTH, given=TRAIN_AND_TEST)
    pets = images(BOTH, lambda s: f"images/{s.label}_{s.stem}.jpg")
    for told, name in (("train", "trainval"), ("test", "test")):
        lines = [f"{s.label}_{s.stem} {1 + NUMBERS[s.label]} 1 {1 + s.number % 2}" for s in BOTH if s.split == told]
        pets[f"annotations/{name}.txt"] = "\n".join(lines).encode()
    everything = [f"{s.label}_{s.stem} {1 + NUMBERS[s.label]} 1 1" for s in BOTH]
    pets["annotations/list.txt"] = "\n".join(["#Image CLASS-ID SPECIES BREED ID", *everything]).encode()
    yield Export(name="known sets/Oxford pets", upload=pets, true=BOTH, given=TRAIN_AND_TEST, names=("1", "2", "3"))
    planes = images(ALL, lambda s: f"data/images/{s.stem}.jpg")
    for split, found in by_split(ALL).items():
        lines = [f"{s.stem} {s.label.title()} 707-320" for s in found]
        planes[f"data/images_variant_{split}.txt"] = "\n".join(lines).encode()
    names = tuple(f"{name.title()} 707-320" for name in CLASSES)
    yield Export(name="known sets/FGVC aircraft", upload=planes, true=ALL, names=names)
    textures = images(ALL, lambda s: f"dtd/images/{s.label}/{s.label}_{s.stem}.jpg")
    orders = {1: ("train", "val", "test"), 2: ("val", "test", "train")}
    for partition, order in orders.items():
        for part, found in zip(order, by_split(ALL).values(), strict=True):
            lines = [f"{s.label}/{s.label}_{s.stem}.jpg" for s in found]
            textures[f"dtd/labels/{part}{partition}.txt"] = "\n".join(lines).encode()
    yield Export(
        name="known sets/textures with several partitions",
        upload=textures,
        true=ALL,
        given=(),
        needs_warning=True,
    )


def _json() -> Iterator[Export]:
    files = images(ALL, lambda s: f"images/{s.label}/")
    zhou = {
        split: [[f"{s.label}/{s.name}", NUMBERS[s.label], s.label] for s in found]
        for split, found in by_split(ALL).items()
    }
    yield Export(name="known sets/splits of CoOp", upload={**files, "split_zhou_Animals.json": as_json(zhou)}, true=ALL)
    for variant, entries in (
        (
            "objects",
            {split: [{"image": s.name, "label": s.label} for s in found] for split, found in by_split(ALL).items()},
        ),
        ("pairs", {split: [[s.name, s.label] for s in found] for split, found in by_split(ALL).items()}),
        ("image to label", {split: {s.name: s.label for s in found} for split, found in by_split(ALL).items()}),
    ):
        name = f"known sets/JSON of splits, {variant}"
        yield Export(name=name, upload={**images(ALL), "dataset.json": as_json(entries)}, true=ALL)
