"""The two datasets of the demo, as zips of class folders, and images of the same kind that are in neither.

`digits`: the 1,797 real handwritten digits that come with scikit-learn (UCI, 8 x 8 pixels, 10 classes), as PNGs of
32 x 32, the last few held out as samples. One folder a class; the service splits it.
`signs`: road signs drawn by `cli.demo.signs`, 8 classes, PNGs of 40 x 40, with `train/` and `test/`.
"""

import io
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from cli.demo.signs import SIGNS, draw_sign

DIGIT_SAMPLES = 30
TRAIN_SIGNS = 90  # images a class
TEST_SIGNS = 30
_DIGIT_SIDE = 32  # pixels
_DIGIT_MAXIMUM = 16  # the grey levels of scikit-learn's digits are 0..16
_SAMPLE_SEED = 1  # the uploaded signs are drawn from seed 0


@dataclass(frozen=True, kw_only=True)
class DemoSet:
    """`write` makes the archive and says how many images it holds; `samples(n)` are n (label, PNG) outside it."""

    task: str
    description: str
    write: Callable[[Path], int]
    samples: Callable[[int], list[tuple[str, bytes]]]


def write_digits(archive: Path) -> int:
    """Write the digits; how many images there are."""
    return _write(archive, _uploaded_digits())


def write_signs(archive: Path, *, seed: int = 0, train: int = TRAIN_SIGNS, test: int = TEST_SIGNS) -> int:
    """Draw and write the signs; how many images there are. Equal arguments write equal images."""
    return _write(archive, _signs(seed, {"train": train, "test": test}))


def digit_samples(count: int) -> list[tuple[str, bytes]]:
    """At most DIGIT_SAMPLES."""
    return [(label, _png(image)) for label, image in _digits()[-DIGIT_SAMPLES:][:count]]


def sign_samples(count: int) -> list[tuple[str, bytes]]:
    generator = np.random.default_rng(_SAMPLE_SEED)
    names = [str(generator.choice(SIGNS)) for _ in range(count)]
    return [(name, _png(draw_sign(name, generator))) for name in names]


DEMO_SETS = (
    DemoSet(
        task="digits",
        description="handwritten digits of scikit-learn, 10 classes",
        write=write_digits,
        samples=digit_samples,
    ),
    DemoSet(task="signs", description="drawn road signs, 8 classes", write=write_signs, samples=sign_samples),
)


def _digits() -> list[tuple[str, Image.Image]]:
    from sklearn.datasets import load_digits  # a second to import: only the demo pays it

    digits = load_digits()
    return [(str(label), _ink_on_paper(pixels)) for pixels, label in zip(digits.images, digits.target, strict=True)]


def _ink_on_paper(pixels: np.ndarray) -> Image.Image:
    grey = np.uint8(255) - (pixels * (255 / _DIGIT_MAXIMUM)).astype(np.uint8)
    return Image.fromarray(grey).resize((_DIGIT_SIDE, _DIGIT_SIDE), Image.Resampling.BICUBIC)


def _uploaded_digits() -> Iterator[tuple[str, Image.Image]]:
    for index, (label, image) in enumerate(_digits()[:-DIGIT_SAMPLES]):
        yield f"{label}/{index:04d}.png", image


def _signs(seed: int, counts: dict[str, int]) -> Iterator[tuple[str, Image.Image]]:
    generator = np.random.default_rng(seed)
    for split, count in counts.items():
        for name in SIGNS:
            for index in range(count):
                yield f"{split}/{name}/{index:04d}.png", draw_sign(name, generator)


def _write(archive: Path, images: Iterator[tuple[str, Image.Image]]) -> int:
    count = 0
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as target:
        for name, image in images:
            target.writestr(name, _png(image))
            count += 1
    return count


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()
