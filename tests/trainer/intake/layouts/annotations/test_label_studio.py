"""Label Studio's exports of choices, with images under every name that it has for them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.exports.documents import as_json, images
from benchmarks.exports.samples import CLASSES, Sample, samples
from benchmarks.exports.tools.label_studio import (
    Url,
    choice,
    minimal,
    prefixed,
    rectangle,
    table,
    task,
    tasks,
    uploaded,
)
from tests.trainer.intake.layouts.annotations.uploads import texts
from tests.trainer.intake.samples import assert_right, take_in
from tests.trainer.intake.tools import tool
from trainer.errors import DatasetNotUnderstood

TRAIN = samples(splits=["train"], each=20)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("project-3.json", as_json(tasks(TRAIN))),
        ("project-3.json", json.dumps(minimal(TRAIN), indent=2).replace("/", "\\/").encode()),
        ("result.csv", table(minimal(TRAIN))),
        ("result.tsv", table(minimal(TRAIN), "\t")),
    ],
    ids=["json", "json-min", "csv", "tsv"],
)
@pytest.mark.parametrize("stored", [True, False], ids=["as stored", "as uploaded"])
def test_every_export(tmp_path: Path, name: str, data: bytes, stored: bool) -> None:
    files = images(TRAIN, lambda sample: f"images/{prefixed(sample)}" if stored else "images/")
    outcome = take_in(tmp_path, {**files, name: data})
    assert_right(outcome, TRAIN, given=())
    assert outcome.report.layout == "Label Studio"
    assert (outcome.report.findings, outcome.report.skipped) == ((), ())


@pytest.mark.parametrize(
    ("url", "place"),
    [
        (lambda s: f"/data/local-files/?d=my%20pictures/{s.name}", lambda s: "my pictures/"),
        (lambda s: f"http://localhost:8080/data/local-files?d=a/b%26c/{s.name}", lambda s: "b&c/"),
        (lambda s: f"s3://bucket/all/{s.name}", lambda s: "all/"),
        (lambda s: f"https://example.org/all/{s.name}?token=a%2Fb", lambda s: "all/"),
        (lambda s: f"/data/upload/1/{s.name[4:12]}-my_{s.name[4:12]}_1.png", lambda s: f"my {s.name[4:12]} (1).png"),
    ],
    ids=["local files", "local files elsewhere", "s3", "signed address", "blanks and brackets"],
)
def test_images_are_found_by_every_address(tmp_path: Path, url: Url, place: Callable[[Sample], str]) -> None:
    outcome = take_in(tmp_path, {**images(TRAIN, place), "tasks.json": as_json(tasks(TRAIN, url))})
    assert_right(outcome, TRAIN, given=())
    assert outcome.report.findings == ()


def test_a_name_that_only_looks_stored_is_found_by_its_folder(tmp_path: Path) -> None:
    """Two images of one name, which begins with eight digits."""
    numbers = {sample.name: at for at, sample in enumerate(TRAIN)}

    def path(sample: Sample) -> str:
        return f"{'ab'[numbers[sample.name] % 2]}/{numbers[sample.name] // 2:08d}-x.png"

    files = images(TRAIN, lambda sample: f"pictures/{path(sample)}")
    content = tasks(TRAIN, lambda sample: f"s3://bucket/{path(sample)}")
    assert_right(take_in(tmp_path, {**files, "tasks.json": as_json(content)}), TRAIN, given=())


def test_what_is_not_answered_or_answered_twice_is_left_out_and_said(tmp_path: Path) -> None:
    content = tasks(TRAIN)
    content[0]["annotations"] = []
    content[1]["annotations"][0]["was_cancelled"] = True
    content[2]["annotations"][0]["result"] = [choice("cat", "dog")]
    content[3]["annotations"].append({"result": [choice("owl")]})
    content[4]["annotations"].append({"result": [choice("owl")], "was_cancelled": True})
    outcome = take_in(tmp_path, {**images(TRAIN), "tasks.json": as_json(content)})
    assert_right(outcome, TRAIN[4:], given=())
    told = texts(outcome, "warning")
    assert any("2 of 60 images have several classes" in text for text in told)
    assert any("2 of 58 rows have no label: task 1, task 2." in text for text in told)


@pytest.mark.parametrize("is_minimal", [True, False])
def test_of_several_questions_one_must_be_called_the_class(tmp_path: Path, is_minimal: bool) -> None:
    for questions, message in ((("choice", "blurred"), "choice is taken as the class"), (("animal", "blurred"), "")):
        content = [
            task(at, uploaded(s), choice(s.label, question=questions[0]), choice("no", question=questions[1]))
            for at, s in enumerate(TRAIN)
        ]
        if is_minimal:
            content = [
                {"image": each["image"], "id": 1, questions[0]: each["choice"], questions[1]: "no", "annotator": 1}
                | {"annotation_id": 1, "lead_time": 1}
                for each in minimal(TRAIN)
            ]
        files = {**images(TRAIN), "tasks.json": as_json(content)}
        if message:
            outcome = take_in(tmp_path, files)
            assert_right(outcome, TRAIN, given=())
            assert message in texts(outcome, "warning")[0]
        else:
            with pytest.raises(DatasetNotUnderstood, match="any of the questions animal, blurred may be the class"):
                take_in(tmp_path, files)


def test_what_a_task_was_made_from_is_no_answer(tmp_path: Path) -> None:
    content = [{"image": each.pop("image"), "source": "web", **each} for each in minimal(TRAIN)]
    assert_right(take_in(tmp_path, {**images(TRAIN), "tasks.json": as_json(content)}), TRAIN, given=())


def test_captions_are_no_classes(tmp_path: Path) -> None:
    content = minimal(TRAIN)
    for number, each in enumerate(content):
        each["caption"] = f"picture {number}"
    outcome = take_in(tmp_path, {**images(TRAIN), "result.csv": table(content)})
    assert_right(outcome, TRAIN, given=())
    assert outcome.report.findings == ()


def test_rectangles_are_refused_unless_an_image_has_one_class(tmp_path: Path) -> None:
    content = [task(number, uploaded(sample), rectangle(sample.label)) for number, sample in enumerate(TRAIN)]
    outcome = take_in(tmp_path, {**images(TRAIN), "tasks.json": as_json(content)})
    assert_right(outcome, TRAIN, given=())
    assert "Each image has one box class" in texts(outcome, "warning")[0]
    content = [task(at, uploaded(s), *map(rectangle, CLASSES)) for at, s in enumerate(TRAIN)]
    with pytest.raises(DatasetNotUnderstood, match="60 of 60 images show several classes"):
        take_in(tmp_path, {**images(TRAIN), "tasks.json": as_json(content)})


@pytest.mark.parametrize(
    "content",
    [
        [{"data": {"image": "x"}, "annotations": None}],
        [{"data": {"image": ["x"]}, "annotations": [{"result": {"a": 1}}, 3]}],
        [{"data": {}, "annotations": [{"result": [{"value": None, "from_name": []}]}]}],
        [{"annotator": 1, "annotation_id": 1, "lead_time": 1}],
        [{"annotator": 1, "annotation_id": 1, "lead_time": 1, "image": {"a": [[]]}, "id": {}}],
        [3, None, "annotations", {"annotations": 3}],
    ],
)
def test_odd_tasks_raise_nothing(tmp_path: Path, content: Any) -> None:
    files = images(TRAIN, lambda sample: f"{sample.label}/")
    assert_right(take_in(tmp_path, {**files, "tasks.json": as_json(content)}), TRAIN, given=())


CONVERT = """
import sys
from label_studio_sdk.converter import Converter

config, tasks, target = sys.argv[1:]
for form in ("JSON", "JSON_MIN", "CSV", "TSV"):
    Converter(config, project_dir=target).convert(tasks, f"{target}/{form}", form, is_dir=False)
"""
CONFIG = """<View><Image name="image" value="$image"/><Choices name="animal" toName="image">{}</Choices></View>"""


@pytest.mark.nightly
def test_what_the_tool_exports(tmp_path: Path) -> None:
    sdk = tool(tmp_path, "label-studio-sdk==2.1.2")
    content = [task(number, uploaded(each), choice(each.label, question="animal")) for number, each in enumerate(TRAIN)]
    content[0]["annotations"] = []
    content[1]["annotations"][0]["result"] = [choice("cat", "owl", question="animal")]
    (tmp_path / "tasks.json").write_bytes(as_json(content))
    config = CONFIG.format("".join(f'<Choice value="{name}"/>' for name in CLASSES))
    sdk.run(CONVERT, config, str(tmp_path / "tasks.json"), str(tmp_path / "exports"))
    for form in ("JSON", "JSON_MIN", "CSV", "TSV"):
        outcome = take_in(tmp_path, images(TRAIN) | sdk.files(tmp_path / "exports" / form))
        assert_right(outcome, TRAIN[2:], given=())
        assert outcome.report.layout == "Label Studio"
