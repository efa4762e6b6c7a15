import io
import json
import zipfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from nettailor.images import decode, normalise, prepare
from tests.trainer.tiny import PREPROCESSING, tiny_task
from trainer.training.data import evaluation_batches, load_dataset, stratified_folds, to_input, training_batches


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
    np.testing.assert_array_equal(data.val.exact[0].numpy(), prepare(decode(png(2)), PREPROCESSING))
    assert data.train.wide.shape == (2, 3, 20, 20)
    images, labels = next(evaluation_batches(data.train, PREPROCESSING))
    np.testing.assert_allclose(images.numpy(), normalise(data.train.exact.numpy(), PREPROCESSING), atol=1e-5)
    assert labels.tolist() == [0, 1]


def test_folds_are_stratified_and_disjoint_from_their_training_images() -> None:
    data = tiny_task()
    pairs = stratified_folds(data, 3, seed=0)
    assert pairs[0] == (data.train, data.val)
    for train, val in pairs:
        assert len(train) + len(val) == 48
        assert torch.equal(torch.bincount(val.labels), torch.bincount(data.val.labels))
    seen = {tuple(i.flatten().tolist()) for _, val in pairs for i in val.exact}
    assert len(seen) == 36  # three folds of twelve, none twice
    for train, val in pairs:
        assert not {i.numpy().tobytes() for i in train.exact} & {i.numpy().tobytes() for i in val.exact}


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
    x = to_input(tiny_task().train.exact, PREPROCESSING)
    assert x.is_contiguous(memory_format=torch.channels_last)
