"""What all annotation tools have in common: hostile documents raise nothing, and there is a most of everything."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.exports.documents import as_json
from tests.trainer.intake.layouts.annotations.uploads import upload_of
from trainer.intake.layouts.annotations.coco import Coco
from trainer.intake.layouts.annotations.tool import AnnotationTool
from trainer.intake.layouts.registry import LAYOUTS
from trainer.intake.upload import Upload

PATHS = [f"images/{number}.png" for number in range(20)]
TOOLS = [layout for layout in LAYOUTS if isinstance(layout, AnnotationTool)]
NAMES = [
    *("x.json", "x.jsonl", "x.xml", "0.txt", "x.csv", "x.manifest", "info.labels", "_classes.csv", "data.yaml"),
    *("synsets.txt", "train.txt", "ImageSets/Main/cat_train.txt", "labels/0.txt", "images/0.xml", "classes.txt"),
]
WORDS = [
    *("images", "annotations", "categories", "id", "file_name", "image_id", "category_id", "name", "bbox", "items"),
    *("dm_format_version", "label", "labels", "classes", "data", "result", "value", "choices", "annotator", "type"),
    *("annotation_id", "lead_time", "from_name", "source-ref", "a-metadata", "class-name", "class-map", "image_url"),
    *("imageGcsUri", "classificationAnnotation", "tags", "tagName", "files", "path", "boundingBoxes", "samples"),
    *("filepath", "_cls", "assets", "asset", "regions", "filename", "_via_img_metadata", "shapes", "flags"),
    *("imagePath", "image", "annotation", "region_attributes", "file_attributes", "label_id", "shape", "0.png"),
]
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-3, 3), st.floats(), st.sampled_from([*WORDS, "\ud800", ""])),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.sampled_from(WORDS), inner, max_size=6)),
    max_leaves=30,
)


def read_by_all(upload: Upload) -> None:
    for tool in TOOLS:
        if tool.recognise(upload) is not None:
            reading = tool.read(upload)
            assert set(reading.placements) <= set(upload.images)


@settings(max_examples=300, deadline=None)
@given(name=st.sampled_from(NAMES), data=st.binary(max_size=300))
def test_any_bytes(name: str, data: bytes) -> None:
    read_by_all(upload_of({name: data}, PATHS))


@settings(max_examples=400, deadline=None)
@given(name=st.sampled_from(["x.json", "x.jsonl", "x.manifest", "info.labels"]), content=JSON)
def test_any_json_of_known_words(name: str, content: Any) -> None:
    read_by_all(upload_of({name: as_json(content)}, PATHS))


@settings(max_examples=300, deadline=None)
@given(
    text=st.lists(st.sampled_from([*WORDS, "<", ">", "/", "annotation", "object", "image", "=", "'", '"', " ", "\n"]))
)
def test_any_xml_of_known_words(text: list[str]) -> None:
    read_by_all(upload_of({"x.xml": b"<annotations><version/>" + "".join(text).encode()}, PATHS))


@pytest.mark.parametrize("start", ['{"images": ', '[{"annotations": ', '{"items": {"categories": '])
def test_deep_json_is_none(start: str) -> None:
    read_by_all(upload_of({"x.json": (start + "[" * 100_000).encode()}, PATHS))


BOX = {"label": "cat", "coordinates": {}, "bounding_box": [0], "x": 1}
CLASSIFICATION = {"_cls": "Classification", "label": "cat"}
EXPORTS: dict[str, Any] = {
    "coco.json": {
        "images": [{"id": 1, "file_name": PATHS[0], "seq_id": "a"}],
        "categories": [{"id": 1, "name": "cat", "supercategory": "animal"}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1], "segments_info": [{"category_id": 1}]}],
    },
    "datumaro.json": {
        "categories": {"label": {"labels": [{"name": "cat"}]}},
        "items": [{"id": "0", "annotations": [{"type": "label", "label_id": 0}], "image": {"path": PATHS[0]}}],
    },
    "label_studio.json": [
        {
            "id": 1,
            "data": {"image": PATHS[0]},
            "annotations": [{"result": [{"from_name": "a", "type": "choices", "value": {"choices": ["cat"], "x": 1}}]}],
        }
    ],
    "minimal.json": [
        {"image": PATHS[0], "id": 1, "a": {"choices": ["cat"]}, "annotator": 1, "annotation_id": 1, "lead_time": 1}
    ],
    "labels.json": {"classes": ["cat"], "labels": {"0": [0], "1": {"label": 0}, "2": [BOX]}},
    "samples.json": {
        "samples": [
            {"filepath": PATHS[0], "tags": ["train"], "a": CLASSIFICATION, "b": {"_cls": "D", "detections": [BOX]}}
        ]
    },
    "info.labels": {
        "version": 1,
        "files": [
            {"path": PATHS[0], "category": "training", "label": {"label": "a", "labels": [BOX]}, "boundingBoxes": [BOX]}
        ],
    },
    "boxes.labels": {"boundingBoxes": {"0.png": [BOX]}},
    "a.manifest": {
        "source-ref": PATHS[0],
        "a": {"annotations": [{"class_id": 1}]},
        "a-metadata": {"class-map": {"1": "cat"}, "type": "x"},
        "b": 1,
        "b-metadata": {"class-name": "cat", "creation-date": "2026"},
    },
    "vertex.jsonl": {
        "imageGcsUri": PATHS[0],
        "classificationAnnotation": {"displayName": "cat"},
        "classificationAnnotations": [{"displayName": "cat"}],
        "boundingBoxAnnotations": [{"displayName": "cat"}],
        "dataItemResourceLabels": {"aiplatform.googleapis.com/ml_use": "test"},
    },
    "azure.jsonl": {"image_url": PATHS[0], "label": ["cat", {"label": "cat"}]},
    "vision.json": [
        {"id": "0", "originalImageUri": PATHS[0], "tags": [{"tagName": "cat"}], "regions": [{"tagName": "cat"}]}
    ],
    "create_ml.json": [{"image": PATHS[0], "annotations": [BOX]}],
    "0.json": {"shapes": [{"label": "cat"}], "flags": {"cat": True}, "imagePath": PATHS[0]},
    "via.json": {
        "a": {
            "filename": PATHS[0],
            "regions": [{"region_attributes": {"a": {"cat": True}}}],
            "file_attributes": {"a": "cat", "b": {"cat": True}},
        }
    },
    "vott.json": {"assets": {"a": {"asset": {"name": "0.png", "path": "0.png"}, "regions": [{"tags": ["cat"]}]}}},
}
ODD: list[Any] = [None, 0, -1, 1.5, True, "", "x", [], {}, [None], [[]], {"a": None}, {"id": []}]


def with_one_part_odd(content: Any) -> Iterator[Any]:
    """The content with each of its parts in turn replaced by each odd value, and taken out."""
    yield from ODD
    if isinstance(content, dict):
        for key, value in content.items():
            yield {name: each for name, each in content.items() if name != key}
            yield from ({**content, key: odd} for odd in with_one_part_odd(value))
    elif isinstance(content, list):
        for at, value in enumerate(content):
            yield from ([*content[:at], odd, *content[at + 1 :]] for odd in with_one_part_odd(value))


@pytest.mark.parametrize("name", EXPORTS)
def test_exports_of_which_a_part_is_odd(name: str) -> None:
    upload = upload_of({name: as_json(EXPORTS[name])}, PATHS)
    assert any(tool.recognise(upload) for tool in TOOLS)
    for content in with_one_part_odd(EXPORTS[name]):
        read_by_all(upload_of({name: as_json(content)}, PATHS))


def test_entries_are_bounded() -> None:
    content: dict[str, Any] = {
        "images": [{"id": number, "file_name": PATHS[0]} for number in range(1001)],
        "categories": [{"id": 1, "name": "cat"}],
        "annotations": [{"image_id": 1, "category_id": 1}],
    }
    few = content | {"images": content["images"][:5]}
    reading = Coco().read(upload_of({"a.json": as_json(content), "b.json": as_json(few)}, PATHS))
    assert (("a.json",), "more than 1000 entries") in reading.left_out
    assert reading.placements


def test_halves_of_characters_do_not_reach_the_names() -> None:
    content = {
        "images": [{"id": 1, "file_name": PATHS[0]}],
        "categories": [{"id": 1, "name": "\ud800 e\u0301"}],
        "annotations": [{"image_id": 1, "category_id": 1}],
    }
    reading = Coco().read(upload_of({"a.json": json.dumps(content).encode()}, PATHS))
    assert [place.label for place in reading.placements.values()] == ["? \u00e9"]
