"""How well an existing bundle does on the test images of a dataset it was not made from."""

import json
import zipfile
from collections.abc import Collection
from pathlib import Path, PurePosixPath

import numpy as np
import torch

from nettailor.bundle.bundle import Bundle
from nettailor.images import decode, normalise, prepare
from nettailor.network.backbones import Backbone
from nettailor.network.whole_network import network_of

_BATCH = 64


def image_digests(dataset: Path, *splits: str) -> list[str]:
    """Digests (hex sha256) of the images in these splits of a dataset file, in the order of `trainer.training.data`;
    the names of its members are the digests."""
    with zipfile.ZipFile(dataset) as archive:
        names = [PurePosixPath(name) for name in sorted(archive.namelist())]
    return [name.stem for name in names if name.parts[0] in splits]


@torch.inference_mode()
def measure_accuracy(
    bundle: Bundle, dataset: Path, backbone: Backbone, *, leaving_out: Collection[str] = ()
) -> float | None:
    """Share of the dataset's test images to which the bundle gives the right class, by name; None where there are none.

    Images of a class that the bundle does not know count as wrong. `leaving_out` has digests of images that do not
    count. Runs on the CPU, and moves the backbone there.
    """
    student, preprocessing = network_of(backbone.cpu(), bundle), bundle.manifest.preprocessing
    names, right = bundle.manifest.classes, 0
    with zipfile.ZipFile(dataset) as archive:
        classes = json.loads(archive.read("dataset.json"))["classes"]
        members = [PurePosixPath(name) for name in sorted(archive.namelist()) if name.startswith("test/")]
        members = [member for member in members if member.stem not in leaving_out]
        for start in range(0, len(members), _BATCH):
            batch = members[start : start + _BATCH]
            files = (archive.read(str(member)) for member in batch)
            images = [decode(f, side=preprocessing.resize, value_range=preprocessing.value_range) for f in files]
            pixels = np.stack([prepare(image, preprocessing) for image in images])
            found = student(torch.from_numpy(normalise(pixels, preprocessing))).argmax(1).tolist()  # (N, 3, H, W)
            right += sum(names[f] == classes[int(m.parts[1])] for f, m in zip(found, batch, strict=True))
    return right / len(members) if members else None
