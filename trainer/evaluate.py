"""How well an existing bundle does on the test images of a dataset it was not made from."""

from pathlib import Path

import torch

from nettailor.backbones import Backbone
from nettailor.bundle import Bundle
from nettailor.images import normalise
from nettailor.student import Student
from trainer.data import load_dataset

_BATCH = 64


@torch.inference_mode()
def measure_accuracy(bundle: Bundle, dataset: Path, backbone: Backbone) -> float | None:
    """Share of the dataset's test images whose class, by name, the bundle tells; None where there are none.

    A class the bundle does not know counts against it: it would answer such images wrongly.
    """
    preprocessing = bundle.manifest.preprocessing
    data = load_dataset(dataset, preprocessing)
    images, labels = data.test.exact, data.test.labels.tolist()
    if not labels:
        return None
    student = Student.from_bundle(backbone, bundle)
    names = bundle.manifest.classes
    right = 0
    for start in range(0, len(labels), _BATCH):
        batch = torch.from_numpy(normalise(images[start : start + _BATCH].numpy(), preprocessing))  # (N, 3, H, W)
        found = student(batch).argmax(1).tolist()
        right += sum(names[f] == data.classes[y] for f, y in zip(found, labels[start:], strict=False))
    return right / len(labels)
