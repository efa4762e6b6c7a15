"""CVAT for images: tags, subsets, boxes, and documents that are none."""

import re
from pathlib import Path

import pytest

from benchmarks.exports.documents import images
from benchmarks.exports.samples import by_split, samples
from benchmarks.exports.tools.cvat import box, document, tag, tagged
from tests.trainer.intake.layouts.annotations.uploads import texts
from tests.trainer.intake.samples import assert_right, take_in
from trainer.errors import DatasetNotUnderstood, DatasetTooSmall

ALL = samples()
TRAIN = samples(splits=["train"], each=20)


@pytest.mark.parametrize("owner", ["task", "project", "job"])
def test_tags_and_subsets(tmp_path: Path, owner: str) -> None:
    """As CVAT exports a project: one document, images by subset."""
    xml = document(tagged(ALL), owner=owner, attributes='subset="{split}"')
    outcome = take_in(tmp_path, {**images(ALL, lambda sample: f"images/{sample.split}/"), "annotations.xml": xml})
    assert_right(outcome, ALL)
    assert outcome.report.layout == "CVAT for images"
    assert (outcome.report.findings, outcome.report.skipped) == ((), ())


def test_a_document_a_subset(tmp_path: Path) -> None:
    files = images(ALL)
    for split, found in by_split(ALL).items():
        files[f"{split}.xml"] = document(tagged(found))
    assert_right(take_in(tmp_path, files), ALL)


def test_images_of_no_tag_or_several(tmp_path: Path) -> None:
    found = tagged(TRAIN)
    found[0] = (TRAIN[0], "")
    found[1] = (TRAIN[1], tag("cat") + tag("owl"))
    found[2] = (TRAIN[2], tag(TRAIN[2].label) + box("owl"))
    outcome = take_in(tmp_path, {**images(TRAIN), "annotations.xml": document(found)})
    assert_right(outcome, TRAIN[2:], given=())
    told = texts(outcome, "warning")
    assert any("1 of 60 images have several classes" in text for text in told)
    assert any("1 of 59 rows have no label: image 0." in text for text in told)


def test_boxes_are_refused(tmp_path: Path) -> None:
    xml = document([(sample, box("cat") + box("dog")) for sample in TRAIN])
    with pytest.raises(DatasetNotUnderstood, match="60 of 60 images show several classes"):
        take_in(tmp_path, {**images(TRAIN), "annotations.xml": xml})


def test_names_are_escaped_in_xml_only(tmp_path: Path) -> None:
    classes = ("<a & b>", 'c "d"', "é")
    found = samples(classes, splits=["train"], each=12)
    outcome = take_in(tmp_path, {**images(found), "annotations.xml": document(tagged(found))}, classes)
    assert_right(outcome, found, given=(), names=classes)


@pytest.mark.parametrize(
    ("xml", "reason"),
    [
        (b"<annotations><version>1.1</version><track id='0'/></annotations>", "it is of a video"),
        (b"<annotations><version>1.1</version>", "not XML (no element found"),
        (b"<!DOCTYPE a [<!ENTITY b 'c'>]><annotations><version/>&b;</annotations>", "declares a document type"),
    ],
)
def test_what_cannot_be_read_says_why(tmp_path: Path, xml: bytes, reason: str) -> None:
    files = {**images(TRAIN), "annotations.xml": xml, "more.xml": document(tagged(TRAIN))}
    outcome = take_in(tmp_path, files)
    assert_right(outcome, TRAIN, given=())
    assert reason in outcome.reasons["annotations.xml"]
    assert any(reason in text for text in texts(outcome, "warning"))
    with pytest.raises(DatasetTooSmall, match=re.escape(reason)):
        take_in(tmp_path, {**images(TRAIN), "annotations.xml": xml})
