"""One image in each `.npy` file."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.exports.array_files import Array, npy, pixels
from benchmarks.exports.samples import samples
from tests.trainer.intake.samples import assert_right, take_in
from trainer.errors import DatasetNotUnderstood

ALL = samples()
TRAIN = samples(splits=["train"], each=12)
EACH = {sample: pixels([sample])[0] for sample in ALL + TRAIN}


@pytest.mark.parametrize("planar", [False, True])
def test_each_is_a_picture_in_its_class_folder(tmp_path: Path, planar: bool) -> None:
    arrays: dict[str, Array] = {
        f"{s.split}/{s.label}/{s.stem}.npy": np.ascontiguousarray(np.moveaxis(EACH[s], -1, 0)) if planar else EACH[s]
        for s in ALL
    }
    outcome = take_in(tmp_path, {name: npy(array) for name, array in arrays.items()})
    assert_right(outcome, ALL)
    assert (outcome.report.layout, outcome.report.findings) == ("splits and class folders", ())
    assert outcome.report.skipped == ()


@pytest.mark.parametrize("array", [np.zeros((24, 24), np.uint8), np.zeros((24, 24, 3), np.float32)])
def test_what_may_be_something_else_is_refused_with_the_mend(tmp_path: Path, array: Array) -> None:
    files = {f"{name}/{number}.npy": npy(array) for name in ("cats", "dogs") for number in range(8)}
    with pytest.raises(DatasetNotUnderstood, match=r"as a PNG file or as 8-bit numbers of shape \(H, W, 3\)"):
        take_in(tmp_path, files)


def test_one_that_ends_too_early_is_told(tmp_path: Path) -> None:
    files = {f"{s.label}/{s.stem}.npy": npy(EACH[s]) for s in TRAIN}
    with pytest.raises(DatasetNotUnderstood, match=r"cat/half\.npy cannot be read: it ends too early"):
        take_in(tmp_path, {**files, "cat/half.npy": npy(EACH[TRAIN[0]])[:300]})
