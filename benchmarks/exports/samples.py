"""Images that tell their true class, split and number in their pixels."""

import functools
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from PIL import Image

from benchmarks.exports.packing import hash_seed
from trainer.intake.placement import SPLITS, Split

CLASSES = ("cat", "dog", "owl")
NUMBERS: Mapping[str, int] = {name: number for number, name in enumerate(CLASSES)}
_SIDE, _BLOCK = 24, 8  # pixels; a block is one of JPEG's, which leaves one of a single grey level as it is


class Truth(NamedTuple):
    label: str
    split: Split
    number: int


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One image of a class and split; ``number`` counts within both."""

    label: str
    split: Split
    number: int
    classes: tuple[str, ...] = CLASSES

    @property
    def name(self) -> str:
        """A name that no other sample has, and that tells nothing."""
        return f"img_{hash_seed(self.label, self.split, self.number):08x}.png"

    @property
    def stem(self) -> str:
        return self.name.removesuffix(".png")

    @property
    def data(self) -> bytes:
        return encoded(self, "PNG")

    @property
    def truth(self) -> Truth:
        return Truth(self.label, self.split, self.number)


@functools.cache
def encoded(sample: Sample, form: str) -> bytes:
    """Noise, and four blocks in the corners: their grey levels are the class, the split and the number."""
    rng = np.random.default_rng(hash_seed(sample.label, sample.split, sample.number))
    pixels = rng.integers(0, 256, (_SIDE, _SIDE, 3), dtype=np.uint8)
    pixels[:_BLOCK, :_BLOCK] = sample.classes.index(sample.label)
    pixels[:_BLOCK, -_BLOCK:] = SPLITS.index(sample.split)
    pixels[-_BLOCK:, :_BLOCK], pixels[-_BLOCK:, -_BLOCK:] = sample.number % 256, sample.number // 256
    target = io.BytesIO()
    Image.fromarray(pixels).save(target, form, **({"quality": 95, "subsampling": 0} if form == "JPEG" else {}))
    return target.getvalue()


def read_truth(data: bytes, classes: Sequence[str]) -> Truth:
    grey = np.asarray(Image.open(io.BytesIO(data)).convert("L"))
    label, split, low, high = (int(grey[place]) for place in ((0, 0), (0, -1), (-1, 0), (-1, -1)))
    return Truth(classes[label], SPLITS[split], 256 * high + low)


def samples(classes: Sequence[str] = CLASSES, *, splits: Iterable[Split] = SPLITS, each: int = 8) -> list[Sample]:
    names = tuple(classes)
    return [
        Sample(label=label, split=split, number=number, classes=names)
        for split in splits
        for label in names
        for number in range(each)
    ]


ALL = samples()
TRAIN = samples(splits=["train"], each=12)


def by_split(found: Iterable[Sample]) -> dict[Split, list[Sample]]:
    samples = list(found)
    return {split: [sample for sample in samples if sample.split == split] for split in SPLITS}
