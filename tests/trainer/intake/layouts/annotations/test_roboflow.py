"""Roboflow's exports of classified images: one-hot tables, and class folders with copies of pictures."""

from pathlib import Path

import pytest

from benchmarks.exports.documents import images
from benchmarks.exports.samples import by_split, samples
from benchmarks.exports.tools.roboflow import README, ROBOFLOW_SPLITS, copy_of, one_hot
from tests.trainer.intake.layouts.annotations.uploads import texts
from tests.trainer.intake.samples import assert_right, take_in
from trainer.intake.placement import Split

ALL = samples()
TRAIN = samples(splits=["train"], each=20)


def test_a_one_hot_table_a_split(tmp_path: Path) -> None:
    files = README | images(ALL, lambda sample: f"{ROBOFLOW_SPLITS[sample.split]}/{copy_of(sample)}")
    for split, found in by_split(ALL).items():
        files[f"{ROBOFLOW_SPLITS[split]}/_classes.csv"] = "\n".join(one_hot(found)).encode()
    outcome = take_in(tmp_path, files)
    assert_right(outcome, ALL)
    assert outcome.report.layout == "Roboflow one-hot CSV"
    assert outcome.report.findings == ()


def test_rows_with_several_ones_or_none_are_left_out_and_said(tmp_path: Path) -> None:
    rows = one_hot(TRAIN)
    rows[1] = f"{copy_of(TRAIN[0])}, 1, 1, 0"
    rows[2] = f"{copy_of(TRAIN[1])}, 0, 0, 0"
    rows[3] = f"{copy_of(TRAIN[2])}, 0, maybe, 0"
    rows[4] += ", 1"
    files = images(TRAIN, lambda sample: f"train/{copy_of(sample)}") | {"train/_classes.csv": "\n".join(rows).encode()}
    outcome = take_in(tmp_path, files)
    assert_right(outcome, TRAIN[4:], given=())
    told = texts(outcome, "warning")
    assert any("1 of 59 images have several classes" in text for text in told)
    assert any("1 rows have other cells than 0 and 1: line 4." in text for text in told)
    assert any("1 rows have more cells than there are columns: line 5." in text for text in told)
    assert any("2 of 58 rows have no label: line 3, line 4." in text for text in told)


@pytest.mark.parametrize("splits", [("train",), ("train", "val", "test")])
def test_class_folders(tmp_path: Path, splits: tuple[Split, ...]) -> None:
    found = samples(splits=splits, each=20)
    files = README | images(found, lambda sample: f"{ROBOFLOW_SPLITS[sample.split]}/{sample.label}/{copy_of(sample)}")
    outcome = take_in(tmp_path, files)
    assert_right(outcome, found, given=splits)
    assert outcome.report.layout == "splits and class folders"
