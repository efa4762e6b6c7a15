"""Parquet files of images, in every form that Hugging Face's library and pandas write, and files that lie."""

import importlib
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from benchmarks.exports.parquet_files import class_label, image_column, packed, with_features
from benchmarks.exports.samples import CLASSES, Sample, samples
from tests.trainer import archives
from tests.trainer.intake.samples import assert_right, take_in
from tests.trainer.intake.tools import tool
from trainer.errors import ArchiveTooBig, DatasetNotUnderstood
from trainer.intake.archives import archive
from trainer.intake.archives.limits import IntakeLimits
from trainer.intake.freeze import freeze
from trainer.intake.placement import SPLITS, Split

ALL = samples(each=9)
TRAIN = [sample for sample in ALL if sample.split == "train"]
FEATURES = {"label": class_label(CLASSES)}
CARD = b"""---
dataset_info:
  features:
  - name: label
    dtype:
      class_label:
        names:
          '0': cat
          '1': dog
          '2': owl
---
"""
Labels = Callable[[Sequence[Sample]], object]


@pytest.fixture(autouse=True)
def arrow() -> Any:
    return importlib.import_module("pyarrow")


def of(split: Split) -> list[Sample]:
    return [sample for sample in ALL if sample.split == split]


def numbers(found: Sequence[Sample]) -> list[int]:
    return [CLASSES.index(sample.label) for sample in found]


def words(found: Sequence[Sample]) -> list[str]:
    return [sample.label for sample in found]


def table(found: Sequence[Sample], column: str = "label", labels: Labels = numbers, **more: object) -> Any:
    arrow = importlib.import_module("pyarrow")
    return arrow.table({"image": image_column(found), column: labels(found), **more})


def shards(make: Callable[[Sequence[Sample]], bytes], name: str = "data/{}-{:05d}-of-{:05d}.parquet") -> archives.Files:
    """Two shards to train on, and one of each other split."""
    train, words = of("train"), {"train": "train", "val": "validation", "test": "test"}
    files = {name.format("train", 0, 2): make(train[::2]), name.format("train", 1, 2): make(train[1::2])}
    return files | {name.format(words[split], 0, 1): make(of(split)) for split in SPLITS if split != "train"}


def test_columns_of_views(arrow: Any, tmp_path: Path) -> None:
    """Arrow's newer kinds of text and bytes."""
    data = arrow.array([sample.data for sample in TRAIN], arrow.binary_view())
    columns = {"image": data, "label": arrow.array(words(TRAIN), arrow.string_view())}
    outcome = take_in(tmp_path, {"train.parquet": packed(arrow.table(columns))})
    assert_right(outcome, TRAIN, given=())


@pytest.mark.parametrize(
    ("make", "more"),
    [
        (lambda found: packed(with_features(table(found), FEATURES)), {}),
        (lambda found: packed(with_features(table(found), FEATURES), row_group_size=4, compression="zstd"), {}),
        (lambda found: packed(with_features(table(found, "animal"), {"animal": class_label(CLASSES)})), {}),
        (lambda found: packed(table(found, labels=words)), {}),
        (lambda found: packed(table(found, "species", words)), {}),
        (lambda found: packed(table(found)), {"README.md": CARD}),
        (
            lambda found: packed(table(found)),
            {"dataset_infos.json": json.dumps({"default": {"features": FEATURES}}).encode()},
        ),
        (
            lambda found: packed(
                with_features(
                    table(found, "labels", lambda them: [[number] for number in numbers(them)]),
                    {"labels": {"feature": class_label(CLASSES), "_type": "List"}},
                )
            ),
            {},
        ),
        (lambda found: packed(table(found, "labels", lambda them: [[sample.label] for sample in them])), {}),
    ],
    ids=[
        *("ClassLabel", "small row groups", "another name", "words", "a known name", "a card", "infos"),
        *("lists of one number", "lists of one word"),
    ],
)
def test_shards_of_splits(tmp_path: Path, make: Callable[[Sequence[Sample]], bytes], more: dict[str, bytes]) -> None:
    outcome = take_in(tmp_path, {**shards(make), **more})
    assert_right(outcome, ALL)
    assert {finding.weight for finding in outcome.report.findings} <= {"note"}
    assert outcome.report.skipped == () or more


@pytest.mark.parametrize(
    "name", ["{}/{:04d}.parquet", "default/{}/{:04d}-of-{}.parquet", "pets-{}-{}-{}-0e9c2f.parquet"]
)
def test_the_split_is_told_by_the_file_or_its_folder(tmp_path: Path, name: str) -> None:
    files = shards(lambda found: packed(with_features(table(found), FEATURES)), name)
    assert_right(take_in(tmp_path, files), ALL)


def test_a_file_is_uploaded_as_it_is(tmp_path: Path) -> None:
    data = packed(with_features(table(TRAIN), FEATURES))
    (tmp_path / "upload").write_bytes(data)
    assert archive.inspect(tmp_path / "upload", IntakeLimits()).files == 1
    direct = freeze(tmp_path / "upload", tmp_path / "dataset.zip", IntakeLimits())
    assert direct.digest == take_in(tmp_path, {"pets.parquet": data}).report.digest


@pytest.mark.parametrize("column", ["image", "img", "jpg", "image_bytes"])
def test_bytes_alone_as_pandas_writes_them(arrow: Any, column: str, tmp_path: Path) -> None:
    data = packed(arrow.table({column: [sample.data for sample in TRAIN], "label": words(TRAIN)}))
    assert_right(take_in(tmp_path, {"pets.parquet": data}), TRAIN, given=())


def test_images_without_paths_or_with_equal_ones_have_names(arrow: Any, tmp_path: Path) -> None:
    data = packed(arrow.table({"image": image_column(TRAIN, with_path=False), "label": words(TRAIN)}))
    assert_right(take_in(tmp_path, {"pets.parquet": data}), TRAIN, given=())
    kind = image_column(TRAIN).type
    paths = ["a.png", "/content/a.png", "..", "CON\n", ".hidden.png", "Thumbs.db", "x" * 2000, "\\a\\b.png"]
    rows = [{"bytes": s.data, "path": paths[number % 8]} for number, s in enumerate(TRAIN)]
    data = packed(arrow.table({"image": arrow.array(rows, kind), "label": words(TRAIN)}))
    assert_right(take_in(tmp_path, {"pets.parquet": data}), TRAIN, given=())


def test_groups_and_splits_may_be_columns(arrow: Any, tmp_path: Path) -> None:
    columns = {"image": image_column(ALL), "label": words(ALL), "split": [s.split for s in ALL]}
    assert_right(take_in(tmp_path, {"pets.parquet": packed(arrow.table(columns))}), ALL)


def test_rows_without_an_image_or_a_label_are_said(arrow: Any, tmp_path: Path) -> None:
    kind = image_column(TRAIN).type
    rows: list[dict[str, object]] = [{"bytes": s.data, "path": s.name} for s in TRAIN]
    rows += [{"bytes": None, "path": "far/away.png"}, {"bytes": ALL[-1].data, "path": "last.png"}]
    data = packed(
        with_features(arrow.table({"image": arrow.array(rows, kind), "label": [*numbers(TRAIN), 0, -1]}), FEATURES)
    )
    outcome = take_in(tmp_path, {"pets.parquet": data})
    assert_right(outcome, TRAIN, given=())
    texts = " ".join(finding.text for finding in outcome.report.findings)
    assert "1 of 29 rows name no image of the upload: line 28" in texts
    assert "1 of 29 rows have no label (the column label is empty): line 29" in texts


def test_paths_instead_of_images_are_refused_with_the_mend(arrow: Any, tmp_path: Path) -> None:
    """As `to_parquet` writes a data set whose images are files."""
    kind = image_column(TRAIN).type
    rows = [{"bytes": None, "path": f"/home/me/pets/{s.label}/{s.name}"} for s in TRAIN]
    data = packed(with_features(arrow.table({"image": arrow.array(rows, kind), "label": numbers(TRAIN)}), FEATURES))
    with pytest.raises(
        DatasetNotUnderstood, match=r"27 of 27 images are not in the file.*embed_table_storage"
    ) as fault:
        take_in(tmp_path, {"pets.parquet": data})
    assert len(fault.value.reasons) == 1


def test_several_classes_an_image_are_refused(tmp_path: Path) -> None:
    features = {"labels": {"feature": class_label(CLASSES), "_type": "List"}}
    data = packed(with_features(table(TRAIN, "labels", lambda found: [[0, 1] for _ in found]), features))
    with pytest.raises(DatasetNotUnderstood, match="27 of 27 images have several classes"):
        take_in(tmp_path, {"pets.parquet": data})


def test_two_levels_of_classes_are_a_warning(tmp_path: Path) -> None:
    """CIFAR-100 has fine and coarse labels."""
    features = {"fine_label": class_label(CLASSES), "coarse_label": class_label(["pet", "bird"])}
    data = packed(with_features(table(TRAIN, "fine_label", coarse_label=[n // 2 for n in numbers(TRAIN)]), features))
    outcome = take_in(tmp_path, {"train.parquet": data})
    assert_right(outcome, TRAIN, given=())
    assert [(finding.weight, "coarse_label might be meant" in finding.text) for finding in outcome.report.findings] == [
        ("warning", True)
    ]


def test_further_images_are_not_read_and_said(tmp_path: Path) -> None:
    data = packed(with_features(table(TRAIN, mask=image_column(TRAIN)), FEATURES))
    outcome = take_in(tmp_path, {"pets.parquet": data})
    assert_right(outcome, TRAIN, given=())
    assert ["mask are not read" in finding.text for finding in outcome.report.findings] == [True]


@pytest.mark.parametrize(
    "more", [{}, {"caption": [f"a picture of {number}" for number in range(27)]}], ids=["no column", "captions"]
)
def test_names_of_files_are_no_classes(arrow: Any, more: dict[str, Any], tmp_path: Path) -> None:
    data = packed(arrow.table({"image": image_column(TRAIN), **more}))
    with pytest.raises(DatasetNotUnderstood, match=r"a\.parquet, b\.parquet: no column says which class"):
        take_in(tmp_path, {"a.parquet": data, "b.parquet": data})


def test_beside_few_images_it_is_read_and_beside_many_it_stays_closed(tmp_path: Path) -> None:
    data = packed(with_features(table(TRAIN), FEATURES))
    outcome = take_in(tmp_path, {"pets.parquet": data, "assets/preview.png": archives.picture(1)})
    assert_right(outcome, TRAIN, given=())
    assert outcome.reasons == {"assets/preview.png": "not in pets.parquet.jsonl"}
    (tmp_path / "upload").write_bytes(archives.zip_of({"pets.parquet": data, **archives.class_folders()}))
    report = freeze(tmp_path / "upload", tmp_path / "dataset.zip", IntakeLimits())
    assert (report.classes, [finding.files for finding in report.findings]) == (("cats", "dogs"), [("pets.parquet",)])


def test_limits_hold(arrow: Any, tmp_path: Path) -> None:
    (tmp_path / "upload").write_bytes(archives.zip_of({"pets.parquet": packed(table(TRAIN))}))
    with pytest.raises(DatasetNotUnderstood, match="27 rows, the limit is 20 files"):
        freeze(tmp_path / "upload", tmp_path / "dataset.zip", IntakeLimits(members=20))
    with pytest.raises(ArchiveTooBig, match="unpacks to more than"):
        freeze(tmp_path / "upload", tmp_path / "dataset.zip", IntakeLimits(unpacked_bytes=50_000))
    kind = image_column(TRAIN).type
    same = arrow.array([{"bytes": bytes(20 << 20), "path": "x"}] * 3, kind)
    with pytest.raises(DatasetNotUnderstood, match="more than 200 times its size"):
        take_in(
            tmp_path, {"bomb.parquet": packed(arrow.table({"image": same, "label": [0, 1, 2]}), compression="zstd")}
        )


def test_without_the_extra_the_message_names_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    data = packed(table(TRAIN))
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(DatasetNotUnderstood, match=r"pets\.parquet .* pip install 'nettailor-server\[parquet\]'"):
        take_in(tmp_path, {"pets.parquet": data})


WRITE = """
import os, sys

os.environ["HF_HUB_OFFLINE"] = "1"
import datasets

source, target = sys.argv[1:]
found = datasets.load_dataset("imagefolder", data_dir=source, cache_dir=f"{target}/cache")
for split, rows in found.items():
    rows.to_parquet(f"{target}/paths/{split}.parquet")
    embedded = rows.with_format("arrow").map(datasets.table.embed_table_storage, batched=True, batch_size=100)
    for part in range(2):
        embedded.shard(2, part).to_parquet(f"{target}/data/{split}-{part:05d}-of-00002.parquet")
found.save_to_disk(f"{target}/saved")
"""


@pytest.mark.nightly
def test_what_the_library_writes(tmp_path: Path) -> None:
    library = tool(tmp_path, "datasets[vision]==5.2.0")
    for sample in ALL:
        path = tmp_path / "source" / sample.split / sample.label / sample.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(sample.data)
    library.run(WRITE, str(tmp_path / "source"), str(tmp_path))
    outcome = take_in(tmp_path, library.files(tmp_path / "data"))
    assert_right(outcome, ALL)
    assert (outcome.report.findings, outcome.report.skipped) == ((), ())
    with pytest.raises(DatasetNotUnderstood, match=r"27 of 27 images are not in the file.*embed_table_storage"):
        take_in(tmp_path, library.files(tmp_path / "paths"))
    with pytest.raises(DatasetNotUnderstood, match=r"Arrow.*to_parquet"):
        take_in(tmp_path, library.files(tmp_path / "saved"))
