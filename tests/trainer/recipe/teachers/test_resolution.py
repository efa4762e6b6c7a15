"""Images whose classes differ in what the backbone cannot see, and images where it sees enough."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nettailor.network.backbones import Backbone, load_backbone
from tests.trainer import archives
from trainer.intake.archives.limits import IntakeLimits
from trainer.intake.freeze import freeze
from trainer.recipe.teachers.resolution import measure_resolution, resolution_findings

SIDE = 128
EACH = 40


@pytest.fixture(scope="module")
def mini26() -> Backbone:
    return load_backbone("mini26")


def picture(stripes: bool, period: int, seed: int) -> bytes:
    """Stripes or their transpose, `period` pixels wide, shifted, with noise. They fade towards the edges, where even
    stripes that are too fine to be seen would leave a trace."""
    random = np.random.default_rng(seed)
    fade = np.outer(np.hanning(SIDE), np.hanning(SIDE))
    waves = np.sin(2 * np.pi * (np.arange(SIDE) / period + random.random()))
    pixels = 110 + 90 * fade * (waves[:, None] if stripes else waves[None, :])
    noisy = pixels[..., None] + random.integers(0, 30, (SIDE, SIDE, 3))
    buffer = io.BytesIO()
    Image.fromarray(noisy.astype(np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def dataset(folder: Path, period: int, each: int = EACH) -> Path:
    files = {
        f"{name}/{number}.png": picture(stripes, period, 2 * number + stripes)
        for name, stripes in (("across", True), ("down", False))
        for number in range(each)
    }
    (folder / "upload").write_bytes(archives.zip_of(files))
    freeze(folder / "upload", folder / "dataset.zip", IntakeLimits())
    return folder / "dataset.zip"


def test_classes_that_cannot_be_told_at_its_size_are_a_warning(tmp_path: Path, mini26: Backbone) -> None:
    path = dataset(tmp_path, period=4)
    (finding,) = resolution_findings(path, mini26, width=SIDE, height=SIDE)
    assert finding.weight == "warning"
    assert "(128 x 128 pixels in the middle) than the 32 x 32 that the backbone mini26 looks at" in finding.text
    assert "at 64 x 64" in finding.text
    assert "--backbone resnet18 (224 x 224)" in finding.text
    measured = measure_resolution(path, mini26)
    assert measured is not None
    assert measured.at_twice.mean() > 0.9
    assert measured.as_seen.mean() < 0.8


def test_much_larger_images_whose_classes_are_told_are_a_note(tmp_path: Path, mini26: Backbone) -> None:
    path = dataset(tmp_path, period=32)
    (finding,) = resolution_findings(path, mini26, width=SIDE, height=SIDE)
    assert finding.weight == "note"
    assert "--backbone" not in finding.text
    assert resolution_findings(path, mini26, width=SIDE - 1, height=SIDE) == [], "not much larger, and nothing is lost"


def test_images_of_about_its_size_are_not_measured(tmp_path: Path, mini26: Backbone) -> None:
    assert resolution_findings(tmp_path / "none", mini26, width=63, height=200) == []


def test_where_too_few_images_measure_anything_much_larger_ones_are_a_warning(tmp_path: Path, mini26: Backbone) -> None:
    path = dataset(tmp_path, period=4, each=8)
    assert measure_resolution(path, mini26) is None
    (finding,) = resolution_findings(path, mini26, width=SIDE, height=SIDE)
    assert (finding.weight, "recognises" in finding.text) == ("warning", False)
    assert resolution_findings(path, mini26, width=SIDE - 1, height=SIDE) == []
