"""A data set is held once, in memory or in a mapped file, and gives the same pixels either way."""

import json
import os
import tracemalloc
import zipfile
from pathlib import Path

import pytest
import torch

from nettailor.bundle.bundle import digest_of
from tests.trainer import archives
from tests.trainer.tiny import PREPROCESSING, tiny_task
from trainer.training.data import TaskData, evaluation_batches, load_dataset
from trainer.training.pixel_store import empty_pixels
from trainer.training.stratified_folds import stratified_folds


def dataset(folder: Path) -> Path:
    path = folder / "dataset.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("dataset.json", json.dumps({"format": "nettailor-dataset/1", "classes": ["a", "b"]}))
        for split, count in (("train", 40), ("val", 12), ("test", 8)):
            for number in range(count):
                archive.writestr(f"{split}/{number % 2:05d}/{number:02d}.png", archives.picture(number, side=24))
    return path


def mapped_bytes(path: Path) -> int:
    """What this process maps of files that have no name any more, in a folder."""
    lines = Path("/proc/self/maps").read_text().splitlines()
    found = [line.split()[0].split("-") for line in lines if str(path) in line and line.endswith("(deleted)")]
    return sum(int(end, 16) - int(start, 16) for start, end in found)


def splits(data: TaskData) -> list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
    return [(each.exact(), each.wide(), each.labels) for each in (data.train, data.val, data.test)]


def test_a_large_data_set_is_in_a_mapped_file_that_has_no_name(tmp_path: Path) -> None:
    path = dataset(tmp_path)
    small, large = load_dataset(path, PREPROCESSING), load_dataset(path, PREPROCESSING, in_memory_bytes=1000)
    for one, other in zip(splits(small), splits(large), strict=True):
        assert all(map(torch.equal, one, other))
    assert small.digest == large.digest == digest_of(path.read_bytes())
    assert list(tmp_path.iterdir()) == [path]
    if Path("/proc/self/maps").exists():
        assert mapped_bytes(tmp_path) >= 3 * 60 * (16**2 + 20**2)


def test_splits_and_folds_are_views_of_one_store(tmp_path: Path) -> None:
    data = load_dataset(dataset(tmp_path), PREPROCESSING)
    pairs = stratified_folds(data, 3, seed=0)
    parts = [data.val, data.test, *(part for pair in pairs for part in pair)]
    assert all(part.pixels is data.train.pixels for part in parts)
    assert torch.equal((data.train + data.val).exact(), torch.cat([data.train.exact(), data.val.exact()]))
    some = data.train.rows(torch.tensor([3, 5])).rows(torch.tensor([1]))
    assert torch.equal(some.wide(), data.train.wide()[5:6])
    apart = tiny_task()  # whose splits have stores of their own
    both = apart.train + apart.val
    assert torch.equal(both.exact(), torch.cat([apart.train.exact(), apart.val.exact()]))
    assert torch.equal(both.labels, torch.cat([apart.train.labels, apart.val.labels]))


def test_a_full_disk_is_an_error_and_not_a_death(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int, offset: int, size_bytes: int) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "posix_fallocate", full, raising=False)
    with pytest.raises(OSError, match="No space left"):
        load_dataset(dataset(tmp_path), PREPROCESSING, in_memory_bytes=1000)
    assert empty_pixels((0, 3, 8, 8), tmp_path, in_memory=False).shape == (0, 3, 8, 8)


def test_the_file_of_a_data_set_is_hashed_in_pieces(tmp_path: Path) -> None:
    path = dataset(tmp_path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("else/padding", os.urandom(4 << 20))
    tracemalloc.start()
    try:
        load_dataset(path, PREPROCESSING, in_memory_bytes=1000)
        assert tracemalloc.get_traced_memory()[1] < 3 << 20
    finally:
        tracemalloc.stop()


def test_large_images_are_evaluated_fewer_at_a_time() -> None:
    images = tiny_task().train
    sizes = {
        crop: len(next(evaluation_batches(images, PREPROCESSING.model_copy(update={"crop": crop})))[1])
        for crop in (16, 1024)
    }
    assert sizes == {16: 36, 1024: 4}
