"""Data sets in other programs' own formats: refused by their names, with what to do instead."""

import pickle
from pathlib import Path

import numpy as np
import pytest

from benchmarks.exports.array_files import npy
from tests.trainer import archives
from trainer.errors import DatasetNotUnderstood, DatasetTooSmall
from trainer.intake.archives.limits import IntakeLimits
from trainer.intake.freeze import IntakeReport, freeze
from trainer.intake.inspection import inspect

MATLAB = b"MATLAB 5.0 MAT-file, Platform: GLNXA64" + bytes(200)
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"


class Bomb:
    """Says so if it is ever unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return pytest.fail, ("a pickle was loaded",)


def take_in(folder: Path, files: archives.Files) -> IntakeReport:
    (folder / "upload").write_bytes(archives.zip_of(files))
    return freeze(folder / "upload", folder / "dataset.zip", IntakeLimits())


@pytest.mark.parametrize(
    ("files", "text"),
    [
        (
            {f"cifar-10-batches-py/{name}": pickle.dumps(Bomb()) for name in ("data_batch_1", "test_batch")},
            r"^cifar-10-batches-py/data_batch_1, cifar-10-batches-py/test_batch are not read \(pickle\): pickles can "
            "run code when they are read, and never are here: .* of CIFAR take the binary version",
        ),
        ({"data.pkl": pickle.dumps(Bomb())}, r"^data\.pkl is not read \(pickle\)"),
        ({"model.pt": archives.zip_of({"model/data.pkl": pickle.dumps(Bomb())})}, r"PyTorch file.*np\.savez"),
        ({"train_32x32.mat": MATLAB}, r"MATLAB file.*scipy\.io\.loadmat"),
        ({"data.h5": b"\x89HDF\r\n\x1a\n"}, "HDF5.*h5py"),
        ({"train.tfrecord": bytes.fromhex("1200000000000000241f6425") + b"x"}, "TFRecord.*tf.data.TFRecordDataset"),
        ({"data.mdb": bytes(16) + bytes.fromhex("dec0efbe")}, "LMDB database.*in a folder a class"),
        ({"labels.db": b"SQLite format 3\0"}, "SQLite database"),
        ({"train.rec": bytes.fromhex("0a23d7ce00")}, "RecordIO"),
        ({"train/data-00000-of-00001.arrow": bytes.fromhex("fffffffff0000000")}, "Arrow.*to_parquet"),
        (
            {f"{name}/1.npy": npy(np.zeros((32, 32, 3), np.float32)) for name in ("cats", "dogs")},
            r"^cats/1\.npy, dogs/1\.npy are no array of images: .* each as a PNG file",
        ),
        ({"data.7z": b"7z\xbc\xaf\x27\x1c"}, "7z archive.*pack what it holds as zip"),
        ({"train.parquet": POINTER, "labels.csv": POINTER}, "labels.csv, train.parquet are not read .*git lfs pull"),
    ],
)
def test_what_is_not_read_is_called_by_its_name(tmp_path: Path, files: archives.Files, text: str) -> None:
    with pytest.raises(DatasetNotUnderstood, match=text):
        take_in(tmp_path, files)
    found = inspect(tmp_path / "upload", IntakeLimits())
    assert "error" in {finding.weight for finding in found.findings}
    assert {skip.file for skip in found.left_out} == set(files)


def test_beside_images_it_is_a_note(tmp_path: Path) -> None:
    report = take_in(tmp_path, {**archives.class_folders(), "imagelabels.mat": MATLAB})
    assert [(finding.weight, finding.files) for finding in report.findings] == [("note", ("imagelabels.mat",))]


def test_a_workbook_may_hold_the_labels(tmp_path: Path) -> None:
    sheet = archives.zip_of({"[Content_Types].xml": b"<Types/>"})
    told = "labels.xlsx is a workbook, and not read: save its sheet as CSV"
    with pytest.raises(DatasetTooSmall, match=told):
        take_in(tmp_path, {**archives.class_folders(["images"]), "labels.xlsx": sheet})
    findings = take_in(tmp_path, {**archives.class_folders(), "labels.xlsx": sheet}).findings
    assert [(each.weight, each.files) for each in findings] == [("warning", ("labels.xlsx",))]
