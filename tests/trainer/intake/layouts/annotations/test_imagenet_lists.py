"""`synsets.txt` and lists of images with the numbers of its lines."""

from pathlib import Path

import pytest

from benchmarks.exports.documents import images
from benchmarks.exports.samples import by_split, samples
from benchmarks.exports.tools.datumaro import SYNSETS, listed
from tests.trainer.intake.layouts.annotations.uploads import texts
from tests.trainer.intake.samples import assert_right, take_in

ALL = samples()
TRAIN = samples(splits=["train"], each=20)


@pytest.mark.parametrize(
    ("folder", "pattern"),
    [
        ("images/", "{stem}.png"),
        ("images/", '"{stem}".png'),
        ("images/a b/", '"a b/{stem}".png'),
        ("images/a b/", "a b/{stem}.png"),
        ("", "{stem}.png"),
    ],
)
def test_a_list_a_split(tmp_path: Path, folder: str, pattern: str) -> None:
    files = SYNSETS | images(ALL, lambda _sample: folder)
    for split, found in by_split(ALL).items():
        files[f"{split}.txt"] = listed(found, pattern)
    outcome = take_in(tmp_path, files)
    assert_right(outcome, ALL)
    assert outcome.report.layout == "ImageNet lists"
    assert (outcome.report.findings, outcome.report.skipped) == ((), ())


def test_lines_of_no_class_or_several_or_an_unknown_one(tmp_path: Path) -> None:
    text = listed(TRAIN, "{stem}.png").decode().splitlines()
    text[0] = text[0].split(" ")[0]
    text[1] = text[1].split(" ")[0] + " 0 2"
    text[2] = text[2].split(" ")[0] + " 3"
    outcome = take_in(tmp_path, SYNSETS | images(TRAIN) | {"default.txt": "\n".join(text).encode()})
    assert_right(outcome, TRAIN[3:], given=())
    told = texts(outcome, "warning")
    assert any("1 lines have a number that synsets.txt has no line for: line 3." in text for text in told)
    assert any("1 of 60 images have several classes" in text for text in told)
    assert any("2 of 59 rows have no label: line 1, line 3." in text for text in told)


def test_other_texts_beside_it_are_none(tmp_path: Path) -> None:
    files = SYNSETS | images(TRAIN) | {"all.txt": listed(TRAIN, "{stem}.png"), "LICENSE.txt": b"none\nat all\n"}
    outcome = take_in(tmp_path, files)
    assert_right(outcome, TRAIN, given=())
    assert texts(outcome, "warning") == []
