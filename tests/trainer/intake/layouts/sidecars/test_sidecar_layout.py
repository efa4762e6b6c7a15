"""WebDataset: shards of images with files beside them, in an archive and alone."""

import gzip
from pathlib import Path

import pytest

from benchmarks.exports.documents import as_json
from benchmarks.exports.layouts.web_dataset import Fields, samples_of, shard, shards
from benchmarks.exports.reading import Outcome
from benchmarks.exports.samples import CLASSES, NUMBERS, Sample, samples
from tests.trainer import archives
from tests.trainer.intake.samples import assert_right, take_in
from tests.trainer.intake.tools import tool
from trainer.errors import DatasetNotUnderstood
from trainer.intake.archives.limits import IntakeLimits
from trainer.intake.freeze import freeze

ALL = samples(each=9)
TRAIN = [sample for sample in ALL if sample.split == "train"]


def alone(folder: Path, data: bytes) -> Outcome:
    """A single shard, uploaded as it is: as if the files lay in the archive themselves."""
    (folder / "upload").write_bytes(data)
    report = freeze(folder / "upload", folder / "dataset.zip", IntakeLimits())
    return Outcome(report=report, images=())


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        (lambda s: {"cls": str(NUMBERS[s.label]).encode()}, ("0", "1", "2")),
        (lambda s: {"cls": s.label.encode() + b"\n"}, CLASSES),
        (lambda s: {"class": s.label.encode()}, CLASSES),
        (
            lambda s: {
                "cls": str(NUMBERS[s.label]).encode(),
                "json": as_json({"label": NUMBERS[s.label], "name": s.label}),
            },
            CLASSES,
        ),
        (lambda s: {"cls": str(NUMBERS[s.label]).encode(), "json": as_json({"label": s.label})}, CLASSES),
        (lambda s: {"cls": str(NUMBERS[s.label]).encode(), "txt": f"a picture of {s.stem}".encode()}, ("0", "1", "2")),
        (lambda s: {"json": as_json({"label": s.label, "width": 24})}, CLASSES),
        (lambda s: {"json": as_json({"key": s.stem, "class_name": s.label, "caption": f"one {s.stem}"})}, CLASSES),
        (lambda s: {"json": as_json({"what": s.label, "n": [1, 2], "more": {"label": "x"}})}, CLASSES),
        (lambda s: {"json": as_json(s.label)}, CLASSES),
        (lambda s: {"json": as_json({name: int(s.label == name) for name in CLASSES})}, CLASSES),
        (lambda s: {"txt": s.label.encode()}, CLASSES),
    ],
    ids=[
        "number",
        "word",
        "class",
        "number and name",
        "number and label",
        "caption",
        "json",
        "class_name",
        "what",
        "a bare word",
        "one hot",
        "txt",
    ],
)
def test_shards_of_splits(tmp_path: Path, fields: Fields, names: tuple[str, ...]) -> None:
    outcome = take_in(tmp_path, shards(ALL, fields))
    assert_right(outcome, ALL, names=names)
    assert outcome.report.layout == "a file an image (WebDataset)"
    assert (outcome.report.findings, outcome.report.skipped) == ((), ())


@pytest.mark.parametrize("name", ["data/{}/{:05d}.tar", "pets-{}-{:06d}.tar", "shards/pets_{}_{:04d}.tar.gz"])
def test_the_split_is_told_by_the_shard_or_its_folder(tmp_path: Path, name: str) -> None:
    packed = shards(ALL, lambda s: {"cls": s.label.encode()}, name)
    if name.endswith(".gz"):
        packed = {path: gzip.compress(data) for path, data in packed.items()}
    assert_right(take_in(tmp_path, packed), ALL)


def test_a_shard_is_uploaded_as_it_is(tmp_path: Path) -> None:
    found = samples_of(TRAIN, lambda s: {"cls": s.label.encode()})
    report = alone(tmp_path, shard(TRAIN, lambda s: {"cls": s.label.encode()})).report
    assert report.digest == take_in(tmp_path, found).report.digest
    assert_right(take_in(tmp_path, found), TRAIN, given=())


def test_splits_and_groups_may_be_keys(tmp_path: Path) -> None:
    found = samples_of(ALL, lambda s: {"json": as_json({"label": s.label, "split": s.split})})
    assert_right(take_in(tmp_path, found), ALL)


def test_images_of_an_unknown_split_are_left_out_and_said(tmp_path: Path) -> None:
    words = {7: "fold7", 8: "unassigned"}
    found = samples_of(TRAIN, lambda s: {"json": as_json({"label": s.label, "split": words.get(s.number, "train")})})
    outcome = take_in(tmp_path, found)
    assert_right(outcome, [sample for sample in TRAIN if sample.number != 7], given=())
    (finding,) = [finding for finding in outcome.report.findings if finding.weight == "warning"]
    assert finding.text == (
        "The files beside 3 of 27 images name a split that is not known ('fold7'), and these are left out: call it "
        "train, val or test."
    )
    assert set(outcome.reasons.values()) == {"'fold7' is no split (train, val, test)"}


def test_names_of_classes_come_from_a_list(tmp_path: Path) -> None:
    packed = shards(ALL, lambda s: {"cls": str(NUMBERS[s.label]).encode()})
    outcome = take_in(tmp_path, {**packed, "classes.txt": "\n".join(CLASSES).encode()})
    assert_right(outcome, ALL)
    assert outcome.weights == ["note"]


def test_of_several_images_a_sample_the_simplest_ending_is_taken(tmp_path: Path) -> None:
    found = samples_of(TRAIN, lambda s: {"seg.png": archives.picture(s.number + 7), "cls": s.label.encode()})
    outcome = take_in(tmp_path, found)
    assert_right(outcome, TRAIN, given=())
    assert "27 are left out" in outcome.report.findings[0].text
    assert set(outcome.reasons.values()) == {"another image of its sample is taken"}


def test_names_with_dots_are_samples_of_their_own(tmp_path: Path) -> None:
    found = {f"v1.{name}": data for name, data in samples_of(TRAIN, lambda s: {"cls": s.label.encode()}).items()}
    assert_right(take_in(tmp_path, found), TRAIN, given=())


def test_samples_that_say_nothing_are_left_out_and_said(tmp_path: Path) -> None:
    found = samples_of(TRAIN, lambda s: {"cls": b"" if s.number == 8 else s.label.encode()})
    lone = Sample(label="cat", split="train", number=99)
    outcome = take_in(tmp_path, {**found, lone.name: lone.data})
    assert_right(outcome, [sample for sample in TRAIN if sample.number < 8], given=())
    reasons = {**{s.name: "the files beside it tell no class" for s in TRAIN if s.number == 8}}
    assert outcome.reasons == reasons | {lone.name: "no file beside it says what it shows"}
    assert outcome.weights == ["warning", "note"]


def test_files_that_cannot_be_read_are_said(tmp_path: Path) -> None:
    found = samples_of(TRAIN, lambda s: {"json": b"{" if s.number == 8 else as_json({"label": s.label})})
    outcome = take_in(tmp_path, found)
    assert_right(outcome, [sample for sample in TRAIN if sample.number < 8], given=())
    assert "3 files beside images cannot be read" in outcome.report.findings[0].text


@pytest.mark.parametrize(
    "fields",
    [
        lambda s: {"txt": f"a {s.stem}".encode(), "json": as_json({"caption": s.stem, "width": 24, "status": "ok"})},
        lambda s: {"json": as_json({"url": f"https://x/{s.stem}"})},
    ],
    ids=["img2dataset", "addresses"],
)
def test_numbered_shards_are_no_classes(tmp_path: Path, fields: Fields) -> None:
    packed = {f"{part:05d}.tar": shard(TRAIN[part::2], fields) for part in (0, 1)}
    with pytest.raises(DatasetNotUnderstood):
        take_in(tmp_path, packed)


def test_class_folders_with_files_beside_the_images_stay_classes(tmp_path: Path) -> None:
    """What the values of unknown keys look like weighs less than folders."""
    found: dict[str, bytes] = {}
    for sample in TRAIN:
        camera = as_json({"camera": "AB"[sample.number % 2], "date": "2026-11-28"})
        found |= samples_of([sample], lambda _s, camera=camera: {"json": camera}, f"{sample.label}/")  # type: ignore[misc]  # a closure
    outcome = take_in(tmp_path, found)
    assert_right(outcome, TRAIN, given=())
    assert outcome.report.layout == "class folders"


def test_labels_that_contradict_the_folders_are_a_finding(tmp_path: Path) -> None:
    found: dict[str, bytes] = {}
    for sample in TRAIN:
        folder = "dog" if sample == TRAIN[0] else sample.label
        found |= samples_of([sample], lambda s: {"cls": s.label.encode()}, f"{folder}/")
    outcome = take_in(tmp_path, found)
    assert_right(outcome, TRAIN, given=())
    assert ["1 of 27 rows say something else than the folders" in f.text for f in outcome.report.findings] == [True]


def test_two_labels_that_differ_are_a_warning(tmp_path: Path) -> None:
    found = samples_of(TRAIN, lambda s: {"cls": s.label.encode(), "json": as_json({"label": f"size {s.number % 2}"})})
    outcome = take_in(tmp_path, found)
    assert ["might be meant as well" in finding.text for finding in outcome.report.findings] == [True]


def test_thousands_of_files_hide_no_table_of_names(tmp_path: Path) -> None:
    many = samples(splits=["train"], each=400)
    found = samples_of(many, lambda s: {"cls": str(NUMBERS[s.label]).encode(), "txt": s.stem.encode()})
    outcome = take_in(tmp_path, {**found, "labels.txt": "\n".join(CLASSES).encode()})
    assert_right(outcome, many, given=())


WRITE = """
import pathlib, sys
import webdataset

source, target = map(pathlib.Path, sys.argv[1:])
for split in ("train", "val", "test"):
    with webdataset.ShardWriter(f"{target}/pets-{split}-%06d.tar", maxcount=20, verbose=0) as shards:
        for image in sorted((source / split).glob("*/*.png")):
            label = image.parent.name
            number = ["cat", "dog", "owl"].index(label)
            sample = {"__key__": image.stem, "png": image.read_bytes(), "cls": number}
            shards.write({**sample, "json": {"label": number, "name": label}, "txt": f"a picture of {image.stem}"})
"""


@pytest.mark.nightly
def test_what_the_tool_writes(tmp_path: Path) -> None:
    webdataset = tool(tmp_path, "webdataset==1.0.2")
    for sample in ALL:
        path = tmp_path / "source" / sample.split / sample.label / sample.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(sample.data)
    (tmp_path / "shards").mkdir()
    webdataset.run(WRITE, str(tmp_path / "source"), str(tmp_path / "shards"))
    outcome = take_in(tmp_path, webdataset.files(tmp_path / "shards"))
    assert_right(outcome, ALL)
    assert (outcome.report.findings, outcome.report.skipped) == ((), ())
