"""Masks beside images are no images of their class."""

from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.exports.documents import images
from benchmarks.exports.samples import CLASSES, Sample, samples
from tests.trainer import archives
from tests.trainer.intake.samples import assert_right, take_in

TRAIN = samples(splits=["train"], each=12)


@pytest.mark.parametrize(
    ("place", "mask"),
    [
        (lambda s: f"{s.label}/images/{s.number}.png", lambda s: f"{s.label}/masks/{s.number}.png"),
        (lambda s: f"train/{s.label}/img/{s.number}.png", lambda s: f"train/{s.label}/segmentation/{s.number}.png"),
        (lambda s: f"{s.label}/{s.label} ({s.number}).png", lambda s: f"{s.label}/{s.label} ({s.number})_mask.png"),
        (lambda s: f"{s.label}/{s.number}.png", lambda s: f"{s.label}/{s.number}_mask_1.png"),
    ],
)
def test_they_are_left_out_and_said(
    tmp_path: Path, place: Callable[[Sample], str], mask: Callable[[Sample], str]
) -> None:
    masks = {mask(sample): archives.picture(at) for at, sample in enumerate(TRAIN)}
    outcome = take_in(tmp_path, images(TRAIN, place) | masks)
    assert_right(outcome, TRAIN, given=())
    assert {outcome.reasons[name] for name in masks} == {"a mask of another image, by its name or folder"}
    assert outcome.weights == ["warning"]


@pytest.mark.parametrize(
    "place",
    [
        lambda s: f"{('with_mask', 'masks', 'label')[CLASSES.index(s.label)]}/{s.number}.png",
        lambda s: f"{s.label}/{s.number}_mask.png",
        lambda s: f"{s.label}/masks/{s.number}.png",
    ],
    ids=["classes", "names without others", "folders without others"],
)
def test_what_is_called_so_alone_is_none(tmp_path: Path, place: Callable[[Sample], str]) -> None:
    outcome = take_in(tmp_path, images(TRAIN, place))
    assert len(outcome.images) == len(TRAIN)
    assert "warning" not in outcome.weights
