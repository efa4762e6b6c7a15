"""Splits of the upload that lack a class: said, since figures on them say nothing of it."""

from pathlib import Path

import pytest

from benchmarks.exports.documents import by_pattern, images
from benchmarks.exports.samples import CLASSES, Sample, samples
from tests.trainer.intake.layouts.annotations.uploads import texts
from tests.trainer.intake.samples import take_in
from trainer.errors import DatasetTooSmall
from trainer.intake.placement import Split
from trainer.intake.splits.lacking import lacking_findings

ALL = samples()


def without(split: Split, *labels: str) -> list[Sample]:
    return [sample for sample in ALL if sample.split != split or sample.label not in labels]


@pytest.mark.parametrize("split", ["val", "test"])
@pytest.mark.parametrize("labels", [["owl"], ["cat", "owl"]])
def test_a_given_split_that_lacks_classes_is_told(tmp_path: Path, split: Split, labels: list[str]) -> None:
    outcome = take_in(tmp_path, images(without(split, *labels), by_pattern("{split}/{label}/")))
    (told,) = texts(outcome, "warning")
    assert told.startswith(f"The split {split} has no usable image of {len(labels)} of 3 classes: {', '.join(labels)}.")


def test_splits_that_are_cut_or_have_all_classes_are_not_told(tmp_path: Path) -> None:
    assert take_in(tmp_path, images(ALL, by_pattern("{split}/{label}/"))).report.findings == ()
    train = [sample for sample in ALL if sample.split == "train"]
    assert take_in(tmp_path, images(train, by_pattern("{label}/"))).report.findings == ()


@pytest.mark.parametrize("split", ["val", "test"])
@pytest.mark.parametrize("fault", ["broken", "copies"])
def test_a_given_split_without_a_usable_image_is_told(tmp_path: Path, split: Split, fault: str) -> None:
    """Copies of training images are trained on; the split was replaced by one that is cut, without a word."""
    train = [sample for sample in ALL if sample.split == "train"]
    files = images(train, by_pattern("train/{label}/"))
    copies = {path.replace("train/", f"{split}/"): data for path, data in list(files.items())[::3]}
    files |= copies if fault == "copies" else dict.fromkeys(copies, b"\x89PNG\r\n\x1a\nbroken")
    (told,) = texts(take_in(tmp_path, files), "warning")
    assert told.startswith(f"None of the {len(copies)} images of the split {split} can be used, so one is cut from")


def test_many_classes_are_counted() -> None:
    """The first five are named."""
    counts: dict[str, dict[Split, int]] = {f"c{number}": {"train": 8, "val": 0, "test": 1} for number in range(9)}
    (told,) = lacking_findings(counts, {"train", "val", "test"})
    assert "9 of 9 classes: c0, c1, c2, c3, c4, and 4 more. " in told.text
    assert lacking_findings(counts, {"train", "test"}) == []


@pytest.mark.parametrize("each", [8, 2])
def test_a_class_that_is_never_trained_on_is_refused_with_that_reason(tmp_path: Path, each: int) -> None:
    """Also where it has too few images besides, which is said, too."""
    found = [s for s in without("train", "owl") if s.label != "owl" or (s.split == "test" and s.number < each)]
    with pytest.raises(DatasetTooSmall, match="no training images in owl: put some there") as fault:
        take_in(tmp_path, images(found, by_pattern("{split}/{label}/")))
    assert ("usable images: owl has 2" in str(fault.value)) == (each == 2)
    assert set(CLASSES) == {sample.label for sample in found}
