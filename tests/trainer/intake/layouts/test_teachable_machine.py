"""What Teachable Machine gives out, packed in every way."""

from pathlib import Path

import pytest

from benchmarks.exports.layouts.teachable_machine import CALLED, PROJECT, class_zip
from benchmarks.exports.samples import CLASSES, samples
from tests.trainer import archives
from tests.trainer.intake.samples import assert_right, take_in
from trainer.intake.archives.limits import IntakeLimits
from trainer.intake.freeze import freeze

TRAIN = samples(splits=["train"], each=12)


@pytest.mark.parametrize(
    "files",
    [
        {f"{CALLED[label]}-samples.zip": class_zip(label) for label in CLASSES},
        {f"my samples/{CALLED[label]}-samples.zip": class_zip(label) for label in CLASSES},
        {
            **{f"{CALLED[label]}-samples.zip": class_zip(label, last=6) for label in CLASSES},
            **{f"{CALLED[label]}-samples (1).zip": class_zip(label, first=6) for label in CLASSES},
        },
        {f"{CALLED[s.label]}-samples/{s.number}.jpg": s.data for s in TRAIN},
        {f"pets/{CALLED[s.label]}-samples (3)/{s.number}.jpg": s.data for s in TRAIN},
        PROJECT,
        {"project.tm": archives.zip_of(PROJECT)},
    ],
    ids=["archives", "in a folder", "downloaded twice", "folders", "numbered folders", "project", "project inside"],
)
def test_the_samples_of_each_class(tmp_path: Path, files: archives.Files) -> None:
    outcome = take_in(tmp_path, files)
    assert_right(outcome, TRAIN, given=(), names=tuple(CALLED.values()))
    assert (outcome.report.layout, outcome.report.findings) == ("Teachable Machine", ())


def test_a_project_is_uploaded_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "upload").write_bytes(archives.zip_of(PROJECT))
    report = freeze(tmp_path / "upload", tmp_path / "dataset.zip", IntakeLimits())
    assert report.classes == tuple(sorted(CALLED.values()))


def test_images_with_other_names_are_left_out_and_said(tmp_path: Path) -> None:
    outcome = take_in(tmp_path, {**PROJECT, "extra/1.png": archives.picture(3)})
    assert outcome.reasons["extra/1.png"] == "its name is not as Teachable Machine writes it"
    assert outcome.weights == ["note"]
