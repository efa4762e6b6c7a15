"""What is measured before anything is planned."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from tests.trainer.recipe.runs import fold_in
from tests.trainer.tiny import coloured
from trainer.recipe.teacher import Teacher
from trainer.recipe.teachers.frozen_features import FrozenFeatures
from trainer.recipe.timing.throughput import (
    Throughput,
    measure_plain_throughput,
    measure_teachers_throughput,
    measure_throughputs,
    of_candidates,
)

STUDENT, AGAIN = Throughput(image=0.010, epoch=0.5), Throughput(image=0.006, epoch=0.4)


def test_candidates_are_as_fast_as_their_lessons_are_kept() -> None:
    kept, half, none = (of_candidates(STUDENT, AGAIN, share).image for share in (1.0, 0.5, 0.0))
    assert kept < AGAIN.image  # fewer blocks
    assert half - kept == pytest.approx(0.002)
    assert none - kept == pytest.approx(0.004)  # what the teacher takes
    assert of_candidates(AGAIN, STUDENT, 0.0).image == pytest.approx(0.6 * STUDENT.image)  # noise is no gain


def test_a_moment_of_each_kind_of_run_is_measured_and_leaves_nothing(tmp_path: Path) -> None:
    found = measure_throughputs(fold_in(tmp_path / "fold"), tmp_path / "pace", folds=2)
    assert all(values["image"] > 0 for values in asdict(found).values())
    assert not (tmp_path / "pace").exists()
    assert measure_teachers_throughput(fold_in(tmp_path / "fold"), tmp_path / "pace").image > 0
    assert not (tmp_path / "pace").exists()


def test_retraining_is_measured_with_the_lessons_of_the_student(tmp_path: Path) -> None:
    fold, images = fold_in(tmp_path / "fold"), 400
    larger: dict[str, Any] = {
        name: replace(getattr(fold.config, name), max_batch_size=24) for name in ("student", "retrain")
    }
    fold = replace(fold, train=coloured(images, 3, 0), config=replace(fold.config, **larger))
    assert fold.fitted(fold.config.student).batch_size == 24
    with mock.patch.object(Teacher, "targets", autospec=True, side_effect=Teacher.targets) as asked:
        measure_throughputs(fold, tmp_path / "pace", folds=1)
    assert asked.call_count == 3 * 2  # of the student's epochs and batches


def test_a_pass_is_measured_though_its_features_are_known(tmp_path: Path) -> None:
    fold = fold_in(tmp_path / "fold")
    known = FrozenFeatures(fold.backbone, fold.preprocessing)
    known.of(fold.train)  # as looking at mirrored images asks for them
    config = replace(fold.config, method="batchnorm", adapts=False)
    with mock.patch.object(fold.backbone, "forward", wraps=fold.backbone.forward) as passed:
        measure_plain_throughput(replace(fold, frozen_features=known, config=config), tmp_path / "pace")
    assert passed.called
