"""Accuracies with the interval that their images allow."""

import pytest

from nettailor.accuracy import counted, in_words, wilson_interval


@pytest.mark.parametrize(
    ("share", "images", "words"),
    [
        (65 / 70, 70, "93% [84, 97]"),
        (1.0, 60, "100% [94, 100]"),
        (0.0, 60, "0% [0, 6]"),
        (0.934, 1000, "93.4% [91.7, 94.8]"),
        (0.934, None, "93.4%"),
    ],
)
def test_no_more_is_said_than_the_images_allow(share: float, images: int | None, words: str) -> None:
    assert in_words(share, images) == words


def test_what_is_decided_on_is_counted() -> None:
    assert counted(65 / 70, 70) == "65 of 70 images, 93% [84, 97]"
    assert counted(0.9285, None) == "92.85%"


def test_the_interval_of_a_known_example() -> None:
    """Of ten of twenty: 0.299 to 0.701, symmetric about a half."""
    interval = wilson_interval(0.5, 20)
    assert [round(end, 3) for end in (interval.low, interval.high)] == [0.299, 0.701]
