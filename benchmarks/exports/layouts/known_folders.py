"""Well-known data sets whose folders tell the classes, with images of ours."""

from collections.abc import Iterator

from benchmarks.exports.documents import Place, images
from benchmarks.exports.export import Export
from benchmarks.exports.samples import ALL, TRAIN, Sample, by_split, encoded


def exports() -> Iterator[Export]:
    train, val, test = by_split(ALL).values()
    for variant, trained, tested, others in (
        ("Intel scenes", "archive/seg_train/seg_train/", "archive/seg_test/seg_test/", "archive/seg_pred/seg_pred/"),
        ("Fruits-360", "fruits-360/Training/", "fruits-360/Test/", "fruits-360/test-multiple_fruits/"),
    ):
        unlabelled = images(val, _in(others))
        files = images(train, _in(trained + "{}/")) | images(test, _in(tested + "{}/")) | unlabelled
        yield Export(
            name=f"known sets/{variant}",
            upload=files,
            true=[*train, *test],
            given=("train", "test"),
            left_out=list(unlabelled),
        )
    chest = images(ALL, lambda s: f"chest_xray/{s.split}/{s.label}/")
    again = {f"chest_xray/{name}": data for name, data in chest.items()}
    litter = {f"__MACOSX/{name.replace('img_', '._img_')}": b"\0\5\x16\7" for name in chest}
    yield Export(name="known sets/chest X-rays, twice in one archive", upload=chest | again | litter, true=ALL)
    flowers = images(TRAIN, _in("flowers/{}/"))
    twice = {f"flowers/{name}": data for name, data in flowers.items()}
    yield Export(name="known sets/flowers, with a copy beside them", upload=flowers | twice, true=TRAIN, given=())
    pets = images(TRAIN, lambda s: f"PetImages/{s.label}/{s.number}.jpg")
    broken = {"PetImages/cat/666.jpg": b"", "PetImages/cat/Thumbs.db": b"\xd0\xcf\x11\xe0"}
    yield Export(
        name="known sets/cats and dogs of Microsoft",
        upload=pets | broken,
        true=TRAIN,
        given=(),
        left_out=["PetImages/cat/666.jpg"],
    )
    yield from _masks()
    yield from _folds()


def _in(pattern: str) -> Place:
    return lambda sample: pattern.format(sample.label)


def _masks() -> Iterator[Export]:
    """Masks beside the images: they are no images of the class."""
    covid = images(TRAIN, lambda s: f"COVID-19_Radiography_Dataset/{s.label}/images/{s.label}-{s.number}.png")
    beside = {name.replace("/images/", "/masks/"): _mask(at) for at, name in enumerate(covid)}
    yield Export(
        name="known sets/COVID-19 radiography", upload=covid | beside, true=TRAIN, given=(), left_out=list(beside)
    )
    breasts = images(TRAIN, lambda s: f"Dataset_BUSI_with_GT/{s.label}/{s.label} ({s.number}).png")
    beside = {name.replace(".png", "_mask.png"): _mask(at) for at, name in enumerate(breasts)}
    beside["Dataset_BUSI_with_GT/cat/cat (1)_mask_1.png"] = _mask(99)
    yield Export(
        name="known sets/breast ultrasound", upload=breasts | beside, true=TRAIN, given=(), left_out=list(beside)
    )
    village = {
        f"plantvillage dataset/{kind}/{s.label}/{s.stem}.JPG": encoded(s, "JPEG") if kind == "color" else _mask(at)
        for kind in ("color", "segmented")
        for at, s in enumerate(TRAIN)
    }
    refusal = "color, segmented can be read in two ways"
    yield Export(name="known sets/PlantVillage", upload=village, true=TRAIN, refusal=refusal)


def _mask(number: int) -> bytes:
    return Sample(label="owl", split="val", number=1000 + number).data


def _folds() -> Iterator[Export]:
    """Each image is in every fold, once to train on and once to test on."""
    folds = {
        f"fold{fold}/{'test' if s.number % 3 == fold else 'train'}/{s.label}/{s.name}": s.data
        for fold in range(3)
        for s in TRAIN
    }
    yield Export(name="known sets/folds", upload=folds, true=TRAIN, refusal="fold0, fold1, fold2")
    sites = images(ALL, lambda s: f"site_{'AB'[s.number % 2]}/{s.split}/{s.label}/")
    yield Export(name="known sets/splits of several sites", upload=sites, true=ALL, refusal="site_A, site_B")
