"""Azure Machine Learning's JSON Lines, and Custom Vision's lists of images."""

from pathlib import Path

import pytest

from benchmarks.exports.documents import as_json, as_lines, images
from benchmarks.exports.samples import by_split, samples
from benchmarks.exports.tools.azure import line, listed
from tests.trainer.intake.layouts.annotations.uploads import texts
from tests.trainer.intake.samples import assert_right, take_in
from trainer.errors import DatasetNotUnderstood

ALL = samples()
TRAIN = samples(splits=["train"], each=20)


def test_json_lines_a_split(tmp_path: Path) -> None:
    files = images(ALL)
    for split, found in by_split(ALL).items():
        files[f"{split}_annotations.jsonl"] = as_lines(map(line, found))
    outcome = take_in(tmp_path, files)
    assert_right(outcome, ALL)
    assert outcome.report.layout == "Azure Machine Learning JSON Lines"
    assert (outcome.report.findings, outcome.report.skipped) == ((), ())


def test_labels_in_lists(tmp_path: Path) -> None:
    lines = [line(sample, [sample.label]) for sample in TRAIN]
    lines[0]["label"] = ["cat", "owl"]
    lines[1]["label"] = []
    outcome = take_in(tmp_path, {**images(TRAIN), "labels.jsonl": as_lines(lines)})
    assert_right(outcome, TRAIN[2:], given=())
    told = texts(outcome, "warning")
    assert any("1 of 60 images have several classes" in text for text in told)
    assert any("1 of 59 rows have no label: line 2." in text for text in told)


def test_boxes_are_refused(tmp_path: Path) -> None:
    boxes = [{"label": name, "topX": 0.1, "isCrowd": 0} for name in ("cat", "dog")]
    with pytest.raises(DatasetNotUnderstood, match="60 of 60 images show several classes"):
        take_in(tmp_path, {**images(TRAIN), "labels.jsonl": as_lines(line(sample, boxes) for sample in TRAIN)})


@pytest.mark.parametrize("is_id", [True, False])
def test_custom_vision(tmp_path: Path, is_id: bool) -> None:
    content = [listed(sample) for sample in TRAIN]
    content[0] = listed(TRAIN[0], "cat", "owl")
    files = images(TRAIN, lambda s: f"images/{listed(s)['id']}.png" if is_id else "images/")
    outcome = take_in(tmp_path, {**files, "images.json": as_json(content)})
    assert_right(outcome, TRAIN[1:], given=())
    assert outcome.report.layout == "Azure Custom Vision"
    assert "1 of 60 images have several classes" in texts(outcome, "warning")[0]


def test_regions_are_boxes(tmp_path: Path) -> None:
    content = [listed(each, "cat", "dog") | {"regions": [{"tagName": "cat"}, {"tagName": "dog"}]} for each in TRAIN]
    with pytest.raises(DatasetNotUnderstood, match="boxes or outlines"):
        take_in(tmp_path, {**images(TRAIN), "images.json": as_json(content)})
