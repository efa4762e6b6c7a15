"""Folders of images with metadata as Hugging Face's `imagefolder` has them: a table a split or one for all."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmarks.exports.documents import as_lines, table_of_rows
from benchmarks.exports.layouts.hugging_face import CARD, FORMS, SPLIT_NAMES, Write, folder
from benchmarks.exports.parquet_files import class_label
from benchmarks.exports.samples import CLASSES, NUMBERS, Sample, samples
from tests.trainer import archives
from tests.trainer.intake.samples import assert_right, take_in
from trainer.errors import DatasetNotUnderstood
from trainer.intake.placement import SPLITS, Split

ALL = samples(each=9)


def of(split: Split) -> list[Sample]:
    return [sample for sample in ALL if sample.split == split]


def images(found: Sequence[Sample], prefix: str = "") -> dict[str, bytes]:
    return {f"{prefix}{folder(sample)}{sample.name}": sample.data for sample in found}


@pytest.mark.parametrize(("name", "write"), FORMS.items())
@pytest.mark.parametrize("column", ["label", "labels"])
def test_a_table_a_split(tmp_path: Path, name: str, write: Write, column: str) -> None:
    files = images(ALL, "data/")
    for split in SPLITS:
        rows = [{"file_name": s.name, column: s.label, "text": f"a {s.name}"} for s in of(split)]
        files[f"data/{SPLIT_NAMES[split]}/{name}"] = write(rows)
    assert_right(take_in(tmp_path, files), ALL)


@pytest.mark.parametrize(("name", "write"), FORMS.items())
def test_one_table_for_all(tmp_path: Path, name: str, write: Write) -> None:
    rows = [{"file_name": folder(s) + s.name, "label": s.label} for s in ALL]
    assert_right(take_in(tmp_path, {**images(ALL), name: write(rows)}), ALL)


@pytest.mark.parametrize("column", ["label", "animal"])
@pytest.mark.parametrize("declared", ["README.md", "dataset_infos.json"])
def test_numbers_get_the_names_that_the_data_set_declares(tmp_path: Path, column: str, declared: str) -> None:
    rows = [{"file_name": folder(s) + s.name, column: NUMBERS[s.label], "score": s.number % 3} for s in ALL]
    infos = json.dumps({"default": {"features": {column: class_label(CLASSES)}}})
    text = CARD.format(column) if declared == "README.md" else infos
    outcome = take_in(tmp_path, {**images(ALL), "metadata.csv": table_of_rows(rows), declared: text.encode()})
    assert_right(outcome, ALL)
    assert f"The names of the classes are taken from {declared}." in [f.text for f in outcome.report.findings]


def test_captions_leave_class_folders_what_they_are(tmp_path: Path) -> None:
    files: dict[str, bytes] = {}
    for split in SPLITS:
        rows = [{"file_name": f"{s.label}/{s.name}", "text": f"a picture of {s.name}"} for s in of(split)]
        files[f"{SPLIT_NAMES[split]}/metadata.csv"] = table_of_rows(rows)
    files |= {f"{folder(s)}{s.label}/{s.name}": s.data for s in ALL}
    assert_right(take_in(tmp_path, files), ALL)


def test_several_files_a_row(tmp_path: Path) -> None:
    """A column of masks beside that of images; the first is taken, and the others are said to be left out."""
    train = of("train")
    rows = [{"image_file_name": s.name, "mask_file_name": f"mask_{s.name}", "label": s.label} for s in train]
    masks = {f"train/mask_{s.name}": archives.picture(archives.hash_seed(s.name)) for s in train}
    outcome = take_in(tmp_path, {**images(train), **masks, "train/metadata.csv": table_of_rows(rows)})
    assert_right(outcome, train, given=())
    assert outcome.weights == ["warning"]


@pytest.mark.parametrize("inside", [True, False], ids=["tables inside", "tables beside"])
def test_archives_of_splits(tmp_path: Path, inside: bool) -> None:
    files: dict[str, bytes] = {}
    for split in SPLITS:
        name, packed_images = SPLIT_NAMES[split], {s.name: s.data for s in of(split)}
        table = table_of_rows([{"file_name": s.name, "label": s.label} for s in of(split)])
        files[f"{name}.zip"] = archives.zip_of(packed_images | ({"metadata.csv": table} if inside else {}))
        if not inside:
            files[f"{name}/metadata.csv"] = table
    assert_right(take_in(tmp_path, files), ALL)


def test_boxes_beside_labels_are_no_matter(tmp_path: Path) -> None:
    boxes = {"bbox": [[1, 2, 3, 4]], "category": [0]}
    rows = [{"file_name": folder(s) + s.name, "label": s.label, "objects": boxes} for s in ALL]
    assert_right(take_in(tmp_path, {**images(ALL), "metadata.jsonl": as_lines(rows)}), ALL)


def test_several_labels_an_image_are_never_one(tmp_path: Path) -> None:
    rows = [{"file_name": folder(s) + s.name, "labels": [s.label, "pet"]} for s in ALL]
    with pytest.raises(DatasetNotUnderstood, match="no table says what they show"):
        take_in(tmp_path, {**images(ALL), "metadata.jsonl": as_lines(rows)})


def test_lists_of_one_label_are_labels(tmp_path: Path) -> None:
    rows = [{"file_name": folder(s) + s.name, "labels": [s.label]} for s in ALL]
    assert_right(take_in(tmp_path, {**images(ALL), "metadata.jsonl": as_lines(rows)}), ALL)
