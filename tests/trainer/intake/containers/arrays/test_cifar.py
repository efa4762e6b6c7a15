"""The binary files of CIFAR, which hold images and labels in one."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from benchmarks.exports.array_files import numbers, pixels
from benchmarks.exports.samples import CLASSES, Sample, samples
from tests.trainer import archives
from tests.trainer.intake.samples import assert_right, take_in
from trainer.errors import DatasetTooSmall

ALL = samples(splits=["train", "test"], each=10)
TRAIN, TEST = ([sample for sample in ALL if sample.split == split] for split in ("train", "test"))
NAMES = "\n".join(CLASSES).encode() + b"\n\n"


def records(found: Sequence[Sample], *, coarse: bool = False) -> bytes:
    """Images of 32 x 32 pixels, the corners as they were."""
    square = np.pad(pixels(found), ((0, 0), (0, 8), (4, 4), (0, 0)), mode="edge")
    planes = np.moveaxis(square, -1, 1).reshape(len(found), -1)
    labels = numbers(found)[:, np.newaxis]
    return np.concatenate([*([labels // 2] if coarse else []), labels, planes], axis=1).tobytes()


@pytest.mark.parametrize(
    "files",
    [
        {
            "cifar-10-batches-bin/data_batch_1.bin": records(TRAIN[::2]),
            "cifar-10-batches-bin/data_batch_2.bin": records(TRAIN[1::2]),
            "cifar-10-batches-bin/test_batch.bin": records(TEST),
            "cifar-10-batches-bin/batches.meta.txt": NAMES,
        },
        {
            "cifar-100-binary/train.bin": records(TRAIN, coarse=True),
            "cifar-100-binary/test.bin": records(TEST, coarse=True),
            "cifar-100-binary/fine_label_names.txt": NAMES,
            "cifar-100-binary/coarse_label_names.txt": b"pet\nbird\n",
        },
    ],
    ids=["CIFAR-10", "CIFAR-100"],
)
def test_both_kinds(tmp_path: Path, files: archives.Files) -> None:
    outcome = take_in(tmp_path, files)
    assert_right(outcome, ALL, given=("train", "test"))
    assert set(outcome.weights) == {"note"}


@pytest.mark.parametrize(
    "files",
    [
        {"data_batch_1.bin": records(TRAIN)[:-1]},
        {"data_batch_1.bin": b"\x63" + records(TRAIN)[1:]},
        {"weights.bin": records(TRAIN)},
        {"test_batch.bin": b""},
    ],
    ids=["cut off", "labels out of range", "another name", "empty"],
)
def test_other_files_are_none(tmp_path: Path, files: archives.Files) -> None:
    with pytest.raises(DatasetTooSmall, match="found none"):
        take_in(tmp_path, files)
