"""That the judge of `benchmarks.exports` sees what is wrong."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.exports.__main__ import figures, table
from benchmarks.exports.documents import images
from benchmarks.exports.export import Export
from benchmarks.exports.judging import Judgement, judge, judge_outcome
from benchmarks.exports.reading import Frozen, Outcome, freeze_upload
from benchmarks.exports.samples import ALL, CLASSES, Sample, encoded, read_truth, samples

GOOD = Export(name="folders/all", upload=images(ALL, lambda s: f"{s.split}/{s.label}/"), true=ALL)


@pytest.mark.parametrize("form", ["PNG", "BMP", "TIFF", "JPEG"])
def test_pixels_tell_the_truth_in_every_format(form: str) -> None:
    for sample in (*ALL[::7], Sample(label="owl", split="val", number=1234)):
        assert read_truth(encoded(sample, form), CLASSES) == sample.truth


def test_what_is_read_right_is_right(tmp_path: Path) -> None:
    assert judge(GOOD, tmp_path) == Judgement(verdict="right", layout="splits and class folders")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"names": ("dog", "cat", "owl")}, "48 of 72 images have the wrong class: cat/"),
        ({"true": ALL[1:]}, "1 of 71 images are there without a class: cat/train 0"),
        ({"true": samples(each=9)}, "9 of 81 images are missing: cat/test 8"),
        ({"left_out": ["test/extra.png"]}, "left out without a word: test/extra.png"),
        ({"doubtful": ALL[:1]}, "there is no warning; 1 of 72 images are missing: cat/train 0"),
        ({"needs_warning": True}, "there is no warning"),
        ({"refusal": "no table"}, "read, though nothing tells what its images are"),
        ({"upload": images(ALL, lambda s: f"{s.split}/")}, ""),
        ({"upload": images(ALL, lambda s: f"{s.split}/"), "refusal": "something else"}, "refused: The images lie"),
        ({"upload": images(ALL, lambda _s: "one class/")}, "refused: at least 2 class folders"),
        ({"upload": b"no archive"}, ""),
    ],
)
def test_what_is_wrong_is_seen(tmp_path: Path, change: Mapping[str, object], why: str) -> None:
    found = judge(replace(GOOD, **change), tmp_path)  # type: ignore[arg-type]  # of any field
    assert found.verdict == ("silently_wrong" if why else "refused_with_reason")
    assert found.why.startswith(why or "refused: ")


def test_splits_are_judged_where_the_upload_tells_them(tmp_path: Path) -> None:
    outcome = freeze_upload(tmp_path, GOOD.data, CLASSES)
    moved = Outcome(report=outcome.report, images=tuple(Frozen((got[0], "val"), true) for got, true in outcome.images))
    found = judge_outcome(GOOD, moved)
    assert found.why.startswith("48 of 72 images have the wrong split: cat/test")
    cut = replace(GOOD, given=("train", "test"))
    assert judge_outcome(cut, moved).why.startswith("24 of 72 images have the wrong split")
    assert judge_outcome(replace(GOOD, given=()), moved).verdict == "right"
    twice = Outcome(report=outcome.report, images=(*outcome.images, outcome.images[0]))
    assert judge_outcome(GOOD, twice).why.startswith("1 of 72 images are there more than once")


def test_figures_are_shares_and_a_count() -> None:
    found = {
        "a/1": Judgement(verdict="right"),
        "a/2": Judgement(verdict="right"),
        "b/1": Judgement(verdict="refused_with_reason", why="refused: so"),
        "b/2": Judgement(verdict="silently_wrong", why="1 of 3 images are missing"),
    }
    result = figures(found)
    assert (result["right"], result["refused_with_reason"], result["silently_wrong"]) == (0.5, 0.25, 1)
    assert result["archives"]["b/2"] == "silently_wrong"
    assert [line.split() for line in table(found)[1:]] == [["a", "2"], ["b", "1", "1"], ["all", "2", "1", "1"]]
