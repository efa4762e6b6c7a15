"""Copies of a picture are found, other pictures are not, and the time grows with their number alone."""

import io
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

from trainer.intake.splits import near_duplicates as module
from trainer.intake.splits.near_duplicates import SIDE, near_duplicates, thumbnail


def scene(seed: int, side: int = 96) -> Image.Image:
    """Smooth random shapes: what photographs look like from far away."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (7, 7, 3), dtype=np.uint8))
    return coarse.resize((side, side), Image.Resampling.BICUBIC)


def compressed(image: Image.Image) -> Image.Image:
    target = io.BytesIO()
    image.save(target, "JPEG", quality=30)
    return Image.open(target).convert("RGB")


def noisy(image: Image.Image) -> Image.Image:
    pixels = np.asarray(image, np.float32)
    noise = np.random.default_rng(1).normal(0, 15, pixels.shape)
    return Image.fromarray((pixels + noise).clip(0, 255).astype(np.uint8))


@pytest.mark.parametrize(
    "change",
    [
        compressed,
        noisy,
        ImageOps.mirror,
        lambda image: image.resize((40, 40)),
        lambda image: image.filter(ImageFilter.GaussianBlur(2)),
        lambda image: ImageEnhance.Brightness(image).enhance(0.7),
        lambda image: ImageEnhance.Contrast(image).enhance(0.6),
        lambda image: ImageEnhance.Color(image).enhance(0.5),
    ],
    ids=["compressed", "noisy", "mirrored", "scaled", "blurred", "darker", "flatter", "paler"],
)
def test_a_changed_copy_is_found(change: Callable[[Image.Image], Image.Image]) -> None:
    pictures = {f"{number:03}": scene(number) for number in range(60)}
    copies = {f"{name} copy": change(pictures[name]) for name in list(pictures)[:20]}
    found = near_duplicates({name: thumbnail(image) for name, image in {**pictures, **copies}.items()})
    right = [[name.removesuffix(" copy"), name] for name in copies]
    assert len([group for group in found if group in right]) >= 19
    assert all(group in right for group in found)


def test_pictures_of_plain_ground_are_not_compared() -> None:
    plain = {str(level): Image.new("RGB", (64, 64), (level, level, level)) for level in range(0, 250, 10)}
    dotted = {}
    for at in range(20):
        dotted[f"dot {at}"] = Image.new("RGB", (640, 640), "white")
        dotted[f"dot {at}"].putpixel((at * 30, 600 - at * 30), (0, 0, 0))
    assert near_duplicates({name: thumbnail(image) for name, image in {**plain, **dotted}.items()}) == []


def test_frames_of_one_shot_are_one_group() -> None:
    """A camera that pans: each frame is near the next, the first and the last are not near each other."""
    wide = scene(5, 900)
    frames = {f"{at:02}": wide.crop((4 * at, 0, 4 * at + 480, 480)) for at in range(30)}
    others = {f"other {at}": scene(100 + at) for at in range(30)}
    found = near_duplicates({name: thumbnail(image) for name, image in {**frames, **others}.items()})
    assert found == [sorted(frames)]


def test_what_is_known_to_belong_together_is_joined() -> None:
    thumbnails = {str(at): thumbnail(scene(at)) for at in range(6)}
    assert near_duplicates(thumbnails, [["0", "3"], ["3", "5"], ["2"]]) == [["0", "3", "5"]]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(min_size=SIDE**2, max_size=SIDE**2), max_size=6))
def test_any_thumbnails_are_grouped_or_not(found: list[bytes]) -> None:
    names = {str(at): data for at, data in enumerate(found)}
    groups = near_duplicates(names)
    members = [name for group in groups for name in group]
    assert len(members) == len(set(members))
    assert set(members) <= set(names)


def test_pictures_that_all_look_alike_take_no_square_of_their_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """The worst case: every picture shares its bits with every other, and every pair that is compared is found near."""
    rng = np.random.default_rng(0)
    base = np.asarray(scene(1, SIDE).convert("L"), np.int16)
    pairs = 0
    found = module._near_pairs

    def counted(levels: NDArray[np.uint8]) -> Iterator[tuple[int, int]]:
        nonlocal pairs
        for pair in found(levels):
            pairs += 1
            yield pair

    def compared(count: int) -> int:
        nonlocal pairs
        pairs = 0
        noise = rng.integers(-2, 3, (count, SIDE, SIDE))
        thumbnails = {f"{at:05}": (base + noise[at]).clip(0, 255).astype(np.uint8).tobytes() for at in range(count)}
        assert max(map(len, near_duplicates(thumbnails))) == count
        return pairs

    monkeypatch.setattr(module, "_near_pairs", counted)
    assert compared(8000) < 5 * compared(2000)  # 16 were the square
