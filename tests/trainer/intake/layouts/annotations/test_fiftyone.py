"""FiftyOne's `labels.json`, and whole data sets in `samples.json`."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmarks.exports.documents import as_json, images
from benchmarks.exports.samples import CLASSES, NUMBERS, by_split, samples
from benchmarks.exports.tools.fiftyone import Value, data_set, labels
from tests.trainer.intake.layouts.annotations.uploads import texts
from tests.trainer.intake.samples import assert_right, take_in
from trainer.errors import DatasetNotUnderstood

ALL = samples()
TRAIN = samples(splits=["train"], each=20)


@pytest.mark.parametrize(
    ("classes", "value"),
    [
        (None, lambda s: s.label),
        (CLASSES, lambda s: NUMBERS[s.label]),
        (CLASSES, lambda s: {"label": NUMBERS[s.label], "confidence": 0.9}),
        (None, lambda s: {"label": s.label, "attributes": {"a": "b"}}),
        (None, lambda s: [s.label]),
    ],
    ids=["words", "numbers", "numbers and confidence", "attributes", "lists"],
)
def test_every_form_of_labels(tmp_path: Path, classes: Sequence[str] | None, value: Value) -> None:
    files = {**images(TRAIN, lambda _sample: "data/"), "labels.json": as_json(labels(TRAIN, value, classes))}
    outcome = take_in(tmp_path, files)
    assert_right(outcome, TRAIN, given=())
    assert outcome.report.layout == "FiftyOne"
    assert (outcome.report.findings, outcome.report.skipped) == ((), ())


def test_a_folder_a_split_with_the_same_names_in_all(tmp_path: Path) -> None:
    files: dict[str, bytes] = {}
    for split, found in by_split(ALL).items():
        files |= {f"{split}/data/{number:06d}.png": sample.data for number, sample in enumerate(found)}
        values = {f"{number:06d}": sample.label for number, sample in enumerate(found)}
        files[f"{split}/labels.json"] = as_json({"classes": None, "labels": values})
    assert_right(take_in(tmp_path, files), ALL)


def test_images_of_no_label_or_several_or_an_unknown_number(tmp_path: Path) -> None:
    content = labels(TRAIN, lambda s: NUMBERS[s.label], CLASSES)
    names = list(content["labels"])
    content["labels"] |= {names[0]: None, names[1]: [0, 2], names[2]: 3}
    outcome = take_in(tmp_path, {**images(TRAIN, lambda _sample: "data/"), "labels.json": as_json(content)})
    assert_right(outcome, TRAIN[3:], given=())
    told = texts(outcome, "warning")
    assert any("1 of 60 images have several classes" in text for text in told)
    assert any("2 of 59 rows have no label" in text for text in told)


def test_detections_are_refused(tmp_path: Path) -> None:
    boxes = labels(TRAIN, lambda _s: [{"label": name, "bounding_box": [0, 0, 1, 1]} for name in CLASSES])
    with pytest.raises(DatasetNotUnderstood, match="boxes or outlines"):
        take_in(tmp_path, {**images(TRAIN, lambda _sample: "data/"), "labels.json": as_json(boxes)})


def test_a_whole_data_set(tmp_path: Path) -> None:
    files = images(ALL, lambda _sample: "data/")
    outcome = take_in(tmp_path, {**files, "samples.json": as_json(data_set(ALL, animal=lambda s: s.label))})
    assert_right(outcome, ALL)
    assert outcome.report.findings == ()


def test_the_ground_truth_comes_before_predictions(tmp_path: Path) -> None:
    content = data_set(ALL, predictions=lambda _s: "cat", ground_truth=lambda s: s.label)
    outcome = take_in(tmp_path, {**images(ALL, lambda _sample: "data/"), "samples.json": as_json(content)})
    assert_right(outcome, ALL)
    assert "ground_truth is taken as the class" in texts(outcome, "warning")[0]


def test_fields_that_may_all_be_the_class_are_refused(tmp_path: Path) -> None:
    content = data_set(ALL, mine=lambda _s: "cat", yours=lambda s: s.label)
    with pytest.raises(DatasetNotUnderstood, match="any of the fields mine, yours may be the class"):
        take_in(tmp_path, {**images(ALL, lambda _sample: "data/"), "samples.json": as_json(content)})
