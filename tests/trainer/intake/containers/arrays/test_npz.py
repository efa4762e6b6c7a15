"""Archives of arrays that cannot be read, or only in part."""

import zipfile
from pathlib import Path

import numpy as np
import pytest

from benchmarks.exports.array_files import Array, npy, npz, numbers, pixels
from benchmarks.exports.samples import samples
from tests.trainer import archives
from tests.trainer.intake.samples import assert_right, take_in
from trainer.errors import ArchiveInvalid, ArchiveTooBig, DatasetNotUnderstood, DatasetTooSmall
from trainer.intake.archives.limits import IntakeLimits
from trainer.intake.freeze import freeze

ALL = samples(splits=["train"], each=10)
X, Y = pixels(ALL), numbers(ALL)


@pytest.mark.parametrize(
    ("arrays", "reason"),
    [
        ({"x": X, "y": Y.astype(object)}, r"data\.npz, y\.npy cannot be read: it holds Python objects \(pickle\)"),
        ({"x": np.asfortranarray(X), "y": Y}, r"data\.npz, x\.npy cannot be read: .* np\.ascontiguousarray"),
        ({"x": (X / 255 - 0.5) / 0.2, "y": Y}, "numbers go from -2.5 to 2.5, which may mean anything"),
        ({"x": X.astype(np.uint16) * 16, "y": Y}, "numbers go from 0 to 4080"),
    ],
    ids=["objects", "column by column", "standardised", "12 bits"],
)
def test_what_cannot_be_read_is_an_error_with_its_mend(tmp_path: Path, arrays: dict[str, Array], reason: str) -> None:
    with pytest.raises(DatasetNotUnderstood, match=reason):
        take_in(tmp_path, {"data.npz": npz(arrays)})


def test_one_without_images_is_said_to_be(tmp_path: Path) -> None:
    with pytest.raises(DatasetTooSmall, match="found none"):
        take_in(tmp_path, {"weights.npz": npz({"w": np.zeros((3, 4))})})


def test_images_to_train_on_and_to_test_on_are_scaled_alike(tmp_path: Path) -> None:
    """The darkest images alone would look like those of 16 shades."""
    dark = np.where(X[::2] < 8, X[::2], X[::2] % 8 + 8)
    outcome = take_in(
        tmp_path, {"data.npz": npz({"x_train": X[1::2], "y_train": Y[1::2], "x_test": dark, "y_test": Y[::2]})}
    )
    assert_right(outcome, ALL, given=(), names=("0", "1", "2"))
    assert outcome.report.findings == ()


def test_beside_images_it_stays_closed(tmp_path: Path) -> None:
    (tmp_path / "upload").write_bytes(archives.zip_of({**archives.class_folders(), "data.npz": npz({"x": X, "y": Y})}))
    report = freeze(tmp_path / "upload", tmp_path / "dataset.zip", IntakeLimits())
    assert report.classes == ("cats", "dogs")
    assert [(finding.weight, finding.files) for finding in report.findings] == [("warning", ("data.npz",))]


def test_a_lie_about_a_size_costs_nothing(tmp_path: Path) -> None:
    head = npy(np.zeros((1, 8, 8), np.uint8))[:128].replace(b"(1, 8, 8)", b"(99, 999, 999)")
    with pytest.raises(DatasetNotUnderstood, match="ends too early"):
        take_in(tmp_path, {"data.npz": archives.zip_of({"x.npy": head + bytes(100), "y.npy": npy(Y)})})


def test_limits_hold(tmp_path: Path) -> None:
    (tmp_path / "upload").write_bytes(archives.zip_of({"data.npz": npz({"x": X, "y": Y})}))
    for limits, reason in (
        (IntakeLimits(members=31), "more than 31 files"),
        (IntakeLimits(unpacked_bytes=3 * X.nbytes // 2), "unpacks to more than"),
    ):
        with pytest.raises(ArchiveTooBig, match=reason):
            freeze(tmp_path / "upload", tmp_path / "dataset.zip", limits)
    with pytest.raises(DatasetNotUnderstood, match="30 images, the limit is 20 files"):
        freeze(tmp_path / "upload", tmp_path / "dataset.zip", IntakeLimits(members=20))
    bomb = archives.zip_of({"x.npy": npy(np.zeros((100, 500, 500), np.uint8))}, compression=zipfile.ZIP_DEFLATED)
    with pytest.raises(ArchiveTooBig, match="times its size"):
        take_in(tmp_path, {"data.npz": bomb})


def test_damage_is_said_by_name(tmp_path: Path) -> None:
    whole = npz({"x": X, "y": Y})
    with pytest.raises(ArchiveInvalid, match=r"^data\.npz: "):
        take_in(tmp_path, {"data.npz": whole[:-40]})
    broken = whole.replace(X[3].tobytes(), bytes(X[3].nbytes))
    with pytest.raises(ArchiveInvalid, match=r"^data\.npz: .*CRC"):
        take_in(tmp_path, {"data.npz": broken})


def test_the_numbers_of_labels_may_be_any(tmp_path: Path) -> None:
    outcome = take_in(tmp_path, {"data.npz": npz({"x": X, "y": Y.astype(np.int64) * 7 - 7})})
    assert_right(outcome, ALL, given=(), names=("-7", "0", "7"))
