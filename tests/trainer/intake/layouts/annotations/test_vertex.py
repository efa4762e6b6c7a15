"""Vertex AI's import files."""

from pathlib import Path

import pytest

from benchmarks.exports.documents import as_lines, images
from benchmarks.exports.samples import samples
from benchmarks.exports.tools.vertex import line, rows, uri
from tests.trainer.intake.layouts.annotations.uploads import texts
from tests.trainer.intake.samples import assert_right, take_in
from trainer.errors import DatasetNotUnderstood
from trainer.intake.placement import Split

ALL = samples()
TRAIN = samples(splits=["train"], each=20)
ML_USE: dict[Split, str] = {"train": "training", "val": "validation", "test": "test"}


@pytest.mark.parametrize("is_old", [True, False])
def test_csv(tmp_path: Path, is_old: bool) -> None:
    outcome = take_in(tmp_path, {**images(ALL), "import.csv": "\r\n".join(rows(ALL, is_old=is_old)).encode()})
    assert_right(outcome, ALL)
    assert outcome.report.layout == "Vertex AI import file"
    assert (outcome.report.findings, outcome.report.skipped) == ((), ())


@pytest.mark.parametrize("unassigned", [True, False])
def test_csv_without_splits(tmp_path: Path, unassigned: bool) -> None:
    found = rows(TRAIN, is_split=False)
    data = "\n".join(f"UNASSIGNED,{row}" if unassigned else row for row in found).encode()
    assert_right(take_in(tmp_path, {**images(TRAIN), "import.csv": data}), TRAIN, given=())


def test_json_lines(tmp_path: Path) -> None:
    outcome = take_in(tmp_path, {**images(ALL), "import.jsonl": as_lines(map(line, ALL))})
    assert_right(outcome, ALL)
    assert outcome.report.layout == "Vertex AI import file"


def test_images_of_no_label_or_several(tmp_path: Path) -> None:
    found = rows(TRAIN)
    found[0] = found[0].rpartition(",")[0]
    found[1] += ",zebra"
    found[2] = "training,cat"
    lines = [line(sample) for sample in TRAIN]
    del lines[0]["classificationAnnotation"]
    lines[1]["classificationAnnotations"] = [{"displayName": "cat"}, {"displayName": "zebra"}]
    lines[2]["imageGcsUri"] = "gs://bucket-7/nowhere.png"
    for name, data in (("import.csv", "\n".join(found).encode()), ("import.jsonl", as_lines(lines))):
        outcome = take_in(tmp_path, {**images(TRAIN), name: data})
        assert_right(outcome, TRAIN[3:], given=())
        told = texts(outcome, "warning")
        assert any("1 of 59 images have several classes" in text for text in told)
        assert any("1 of 59 rows name no image of the upload: line 3." in text for text in told)
        assert any("1 of 59 rows have no label: line 1." in text for text in told)


def test_boxes_are_refused(tmp_path: Path) -> None:
    found = [f"training,{uri(each)},{name},0.1,0.1,,,0.9,0.9,," for each in TRAIN for name in ("cat", "dog")]
    boxes = [{"displayName": name, "xMin": 0.1} for name in ("cat", "dog")]
    lines = [{"imageGcsUri": uri(sample), "boundingBoxAnnotations": boxes} for sample in TRAIN]
    for name, data in (("import.csv", "\n".join(found).encode()), ("import.jsonl", as_lines(lines))):
        with pytest.raises(DatasetNotUnderstood, match="60 of 60 images show several classes"):
            take_in(tmp_path, {**images(TRAIN), name: data})


def test_a_table_with_a_header_is_a_table(tmp_path: Path) -> None:
    data = "\n".join(["uri,label", *rows(TRAIN, is_split=False)]).encode()
    outcome = take_in(tmp_path, {**images(TRAIN), "table.csv": data})
    assert_right(outcome, TRAIN, given=())
    assert outcome.report.layout == "table of labels"
