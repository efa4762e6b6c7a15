"""Manifests of SageMaker Ground Truth and Rekognition Custom Labels."""

from pathlib import Path
from typing import Any

import pytest

from benchmarks.exports.documents import as_lines, images
from benchmarks.exports.samples import CLASSES, NUMBERS, by_split, samples
from benchmarks.exports.tools.ground_truth import answer, line, manifest
from tests.trainer.intake.layouts.annotations.uploads import texts
from tests.trainer.intake.samples import assert_right, take_in
from trainer.errors import DatasetNotUnderstood

ALL = samples()
TRAIN = samples(splits=["train"], each=20)
FIRST, SECOND = "2026-01-01T10:00:00.000000", "2026-02-01T10:00:00.000000"


@pytest.mark.parametrize("name", ["output.manifest", "output.jsonl", "manifests/output/output.manifest", "output.json"])
def test_one_task(tmp_path: Path, name: str) -> None:
    outcome = take_in(tmp_path, {**images(TRAIN), name: manifest(TRAIN)})
    assert_right(outcome, TRAIN, given=())
    assert outcome.report.layout == "Ground Truth manifest"
    assert (outcome.report.findings, outcome.report.skipped) == ((), ())


def test_a_manifest_a_split(tmp_path: Path) -> None:
    files = images(ALL)
    for split, found in by_split(ALL).items():
        files[f"{split}/output.manifest"] = manifest(found)
    assert_right(take_in(tmp_path, files), ALL)


def test_rekognition_has_a_task_a_class(tmp_path: Path) -> None:
    lines = [line(sample, answer(f"set_{sample.label}", sample.label)) for sample in TRAIN]
    lines[0] |= answer("set_owl", "owl", date=SECOND)
    outcome = take_in(tmp_path, {**images(TRAIN), "train.manifest": as_lines(lines)})
    assert_right(outcome, TRAIN[1:], given=())
    assert "1 of 60 images have several classes" in texts(outcome, "warning")[0]


@pytest.mark.parametrize("dates", [(FIRST, SECOND), (SECOND, FIRST)])
def test_a_task_that_asks_again_counts_where_it_is_later(tmp_path: Path, dates: tuple[str, str]) -> None:
    lines = [
        line(each, answer("a", each.label, date=dates[0]), answer("b", each.label, date=dates[1])) for each in TRAIN
    ]
    wrong = 0 if dates[0] == FIRST else 1
    lines[0] |= answer("ab"[wrong], "owl", date=dates[wrong])
    outcome = take_in(tmp_path, {**images(TRAIN), "output.manifest": as_lines(lines)})
    assert_right(outcome, TRAIN, given=())
    assert "a later task changes the class in 1 of 60 lines: line 1." in texts(outcome, "warning")[0]


def test_a_verification_is_no_class(tmp_path: Path) -> None:
    lines = [
        line(each, answer("animal", each.label), answer("check", "good", kind="label-verification")) for each in TRAIN
    ]
    outcome = take_in(tmp_path, {**images(TRAIN), "output.manifest": as_lines(lines)})
    assert_right(outcome, TRAIN, given=())
    assert outcome.report.findings == ()


@pytest.mark.parametrize(("task", "is_told"), [("label", True), ("animal", False)])
def test_of_tasks_that_ask_different_things_one_must_be_called_the_class(
    tmp_path: Path, task: str, is_told: bool
) -> None:
    lines = [line(each, answer(task, each.label), answer("place", "ab"[each.number % 2])) for each in TRAIN]
    files = {**images(TRAIN), "output.manifest": as_lines(lines)}
    if is_told:
        outcome = take_in(tmp_path, files)
        assert_right(outcome, TRAIN, given=())
        assert "label is taken as the class" in texts(outcome, "warning")[0]
    else:
        with pytest.raises(DatasetNotUnderstood, match="any of the tasks animal, place may be the class"):
            take_in(tmp_path, files)


def test_lines_of_several_classes_or_none(tmp_path: Path) -> None:
    kind = "groundtruth/image-classification-multilabel"
    lines = [
        line(each, {"m": [1], "m-metadata": {"class-map": {"1": each.label}, "type": kind, "creation-date": FIRST}})
        for each in TRAIN
    ]
    lines[0]["m-metadata"]["class-map"] = {"0": "cat", "2": "owl"}
    lines[1] = line(TRAIN[1])
    outcome = take_in(tmp_path, {**images(TRAIN), "output.manifest": as_lines(lines)})
    assert_right(outcome, TRAIN[2:], given=())
    told = texts(outcome, "warning")
    assert any("1 of 60 images have several classes" in text for text in told)
    assert any("1 of 59 rows have no label: line 2." in text for text in told)


def test_boxes_are_refused_unless_an_image_has_one_class(tmp_path: Path) -> None:
    names = {str(number): name for name, number in NUMBERS.items()}

    def boxes(*numbers: int) -> dict[str, Any]:
        annotations = [{"class_id": number, "top": 1, "left": 2, "height": 3, "width": 4} for number in numbers]
        meta = {"class-map": names, "type": "groundtruth/object-detection", "objects": [{"confidence": 0.9}]}
        return {"boxes": {"annotations": annotations, "image_size": [{"width": 24}]}, "boxes-metadata": meta}

    lines = [line(each, boxes(NUMBERS[each.label], NUMBERS[each.label])) for each in TRAIN]
    outcome = take_in(tmp_path, {**images(TRAIN), "output.manifest": as_lines(lines)})
    assert_right(outcome, TRAIN, given=())
    assert "Each image has one box class" in texts(outcome, "warning")[0]
    lines = [line(each, boxes(*range(len(CLASSES)))) for each in TRAIN]
    with pytest.raises(DatasetNotUnderstood, match="60 of 60 images show several classes"):
        take_in(tmp_path, {**images(TRAIN), "output.manifest": as_lines(lines)})
