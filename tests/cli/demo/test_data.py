import io
import zipfile
from collections import Counter
from pathlib import Path, PurePosixPath

import numpy as np
import pytest
from PIL import Image

from cli.demo.data import DEMO_SETS, DIGIT_SAMPLES, DemoSet, write_digits, write_signs
from cli.demo.signs import SIDE, SIGNS, draw_sign


def _members(archive: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(archive) as source:
        return {name: source.read(name) for name in source.namelist()}


def test_digits_are_all_of_scikit_learns_but_the_samples(tmp_path: Path) -> None:
    assert write_digits(tmp_path / "digits.zip") == 1797 - DIGIT_SAMPLES
    members = _members(tmp_path / "digits.zip")
    assert {PurePosixPath(name).parent.name for name in members} == set("0123456789")
    image = Image.open(io.BytesIO(next(iter(members.values()))))
    assert (image.format, image.size) == ("PNG", (32, 32))


def test_signs_are_balanced_and_split(tmp_path: Path) -> None:
    assert write_signs(tmp_path / "signs.zip", train=3, test=2) == 5 * len(SIGNS)
    members = _members(tmp_path / "signs.zip")
    counts = Counter(str(PurePosixPath(name).parent) for name in members)
    assert counts == {f"{split}/{sign}": n for split, n in (("train", 3), ("test", 2)) for sign in SIGNS}
    assert len(set(members.values())) == len(members)


def test_equal_seeds_draw_equal_signs_and_others_others(tmp_path: Path) -> None:
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        write_signs(tmp_path / name, seed=seed, train=1, test=1)
    assert _members(tmp_path / "a") == _members(tmp_path / "b")
    assert not set(_members(tmp_path / "a").values()) & set(_members(tmp_path / "c").values())


@pytest.mark.parametrize("name", SIGNS)
def test_a_sign_never_looks_the_same_twice(name: str) -> None:
    generator = np.random.default_rng(3)
    first, second = (np.asarray(draw_sign(name, generator), dtype=float) for _ in range(2))
    assert first.shape == (SIDE, SIDE, 3)
    assert np.abs(first - second).mean() > 10


def test_mean_colour_does_not_give_the_signs_away() -> None:
    """The nearest class mean of the images' average colour, a rule without shapes, must be far from solving the set."""
    generator = np.random.default_rng(4)

    def colours(count: int) -> np.ndarray:  # (signs, count, 3)
        drawn = [[np.asarray(draw_sign(name, generator)).mean((0, 1)) for _ in range(count)] for name in SIGNS]
        return np.array(drawn)

    means, seen = colours(20).mean(1), colours(20)
    guesses = np.linalg.norm(seen[:, :, None] - means, axis=-1).argmin(-1)
    assert (guesses == np.arange(len(SIGNS))[:, None]).mean() < 0.5


@pytest.mark.parametrize("data", DEMO_SETS, ids=lambda data: data.task)
def test_samples_are_not_in_the_archive(data: DemoSet, tmp_path: Path) -> None:
    if data.task == "digits":
        data.write(tmp_path / "set.zip")
        uploaded = set(_members(tmp_path / "set.zip").values())
        assert not uploaded & {image for _, image in data.samples(DIGIT_SAMPLES)}
    samples = data.samples(8)
    assert len(samples) == 8
    assert all(Image.open(io.BytesIO(image)).format == "PNG" for _, image in samples)
