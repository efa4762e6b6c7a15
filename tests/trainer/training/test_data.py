import io
import json
import zipfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from nettailor.images import decode, normalise, prepare
from tests.trainer.tiny import PREPROCESSING, tiny_task
from trainer.training.data import (
    evaluation_batches,
    load_dataset,
    load_split,
    to_input,
    training_batches,
)


def png(seed: int) -> bytes:
    buffer = io.BytesIO()
    noise = np.random.default_rng(seed).integers(0, 256, (24, 30, 3)).astype(np.uint8)
    Image.fromarray(noise).save(buffer, "PNG")
    return buffer.getvalue()


def test_a_dataset_file_is_decoded_as_serving_would(tmp_path: Path) -> None:
    path = tmp_path / "dataset.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("dataset.json", json.dumps({"format": "nettailor-dataset/1", "classes": ["a", "b"]}))
        for split, label, seed in [("train", 0, 0), ("train", 1, 1), ("val", 1, 2), ("test", 0, 3)]:
            archive.writestr(f"{split}/{label:05d}/{seed}.png", png(seed))
    data = load_dataset(path, PREPROCESSING)
    assert data.classes == ("a", "b")
    assert [len(s) for s in (data.train, data.val, data.test)] == [2, 1, 1]
    np.testing.assert_array_equal(data.val.exact()[0].numpy(), prepare(decode(png(2)), PREPROCESSING))
    assert data.train.wide().shape == (2, 3, 20, 20)
    images, labels = next(evaluation_batches(data.train, PREPROCESSING))
    np.testing.assert_allclose(images.numpy(), normalise(data.train.exact().numpy(), PREPROCESSING), atol=1e-5)
    assert labels.tolist() == [0, 1]


def frozen(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("dataset.json", json.dumps({"format": "nettailor-dataset/1", "classes": ["a", "b"]}))
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def wide_png(seed: int, brightest: int) -> bytes:
    buffer = io.BytesIO()
    values = np.random.default_rng(seed).integers(0, brightest + 1, (24, 30)).astype(np.uint16)
    values[0, 0] = brightest
    Image.fromarray(values).save(buffer, "PNG")
    return buffer.getvalue()


def test_the_value_range_of_the_training_images_goes_with_the_preprocessing(tmp_path: Path) -> None:
    """A dark image of a 12-bit set stays dark, in training and when the bundle's preprocessing is served with."""
    dark = wide_png(2, 300)
    files = {
        "train/00000/a.png": wide_png(0, 4000),
        "train/00000/b.png": png(1),
        "train/00001/c.png": wide_png(1, 900),
        "val/00000/d.png": dark,
        "test/00001/e.png": wide_png(3, 65_000),
    }
    path = frozen(tmp_path / "dataset.zip", files)
    data = load_dataset(path, PREPROCESSING)
    assert data.preprocessing == PREPROCESSING.model_copy(update={"value_range": (0, 4095)})
    served = prepare(decode(dark, side=PREPROCESSING.resize, value_range=(0, 4095)), PREPROCESSING)
    np.testing.assert_array_equal(data.val.exact()[0].numpy(), served)
    assert 0 < served.max() <= 300 // 16
    np.testing.assert_array_equal(load_split(path, "val", data.preprocessing).exact(), data.val.exact())


def test_a_set_of_ordinary_images_has_no_value_range(tmp_path: Path) -> None:
    path = frozen(tmp_path / "dataset.zip", {"train/00000/a.png": png(0), "val/00000/b.png": wide_png(0, 4000)})
    assert load_dataset(path, PREPROCESSING).preprocessing == PREPROCESSING


def test_images_that_belong_together_have_one_number(tmp_path: Path) -> None:
    path = tmp_path / "dataset.zip"
    with zipfile.ZipFile(path, "w") as archive:
        header = {"format": "nettailor-dataset/1", "classes": ["a", "b"], "groups": [["a1", "a3"], ["a2", "b1"]]}
        archive.writestr("dataset.json", json.dumps(header))
        for name in ("train/00000/a1", "train/00000/a2", "train/00001/b1", "train/00001/b2", "val/00000/a3"):
            archive.writestr(f"{name}.png", png(0))
    data = load_dataset(path, PREPROCESSING)
    assert data.groups is not None
    a1, a2, b1, b2 = data.groups[data.train.places].tolist()
    (a3,) = data.groups[data.val.places].tolist()
    assert (a1, a2) == (a3, b1)
    assert len({a1, a2, b2}) == 3


def test_batches_cover_an_epoch_and_follow_the_generator() -> None:
    data = tiny_task()

    def epoch(seed: int) -> list[tuple[torch.Tensor, torch.Tensor]]:
        generator = torch.Generator().manual_seed(seed)
        batches = training_batches(data.train, PREPROCESSING, batch_size=12, flip=True, generator=generator)
        return [(x, y) for x, y, share in batches if share == 1]

    assert sorted(torch.cat([y for _, y in epoch(0)]).tolist()) == sorted(data.train.labels.tolist())
    assert all(x.shape == (12, 3, 16, 16) for x, _ in epoch(0))
    assert all(torch.equal(a, b) for (a, _), (b, _) in zip(epoch(1), epoch(1), strict=True))
    assert not torch.equal(epoch(1)[0][0], epoch(2)[0][0])


def test_a_small_last_batch_is_left_out() -> None:
    data = tiny_task()
    generator = torch.Generator().manual_seed(0)
    batches = training_batches(data.train, PREPROCESSING, batch_size=10, flip=False, generator=generator)
    assert [len(y) for _, y, _ in batches] == [10, 10, 10, 6]
    batches = training_batches(data.train, PREPROCESSING, batch_size=33, flip=False, generator=generator)
    assert [len(y) for _, y, _ in batches] == [33]


def test_inputs_are_channels_last() -> None:
    x = to_input(tiny_task().train.exact(), PREPROCESSING)
    assert x.is_contiguous(memory_format=torch.channels_last)
