"""Names of classes as cards and info files of Hugging Face declare them."""

import io
import json

import pytest

from trainer.intake.layouts.tables.class_names import find_names
from trainer.intake.layouts.tables.declared_names import declared_names
from trainer.intake.upload import Document, Upload

CARD = """---
license: mit
dataset_info:
  features:
  - name: image
    dtype: image
  - name: label
    dtype:
      class_label:
        names:
          '0': cat
          '1': 'dog''s'
          2: "owl\\u00e9"
  - name: size
    dtype:
      class_label:
        names:
        - small
        - large
  splits:
  - name: train
    num_bytes: 1
---
# Pets
"""
CAT_DOG = {"names": ["cat", "dog"], "_type": "ClassLabel"}


def upload(name: str, text: str) -> Upload:
    data = text.encode()
    document = Document(parts=("data", name), size_bytes=len(data), offset=0, spool=io.BytesIO(data))
    return Upload(images=(), documents=(document,))


@pytest.mark.parametrize(
    "text", [CARD, CARD.replace("\n", "\r\n"), "\ufeff" + CARD, CARD.replace("\\u00e9", "e\u0301")]
)
def test_a_card(text: str) -> None:
    assert declared_names(upload("README.md", text)) == {
        ("data", "README.md"): {"label": [["cat", "dog's", "owlé"]], "size": [["small", "large"]]}
    }


@pytest.mark.parametrize(
    "text",
    [
        "# Pets\n",
        "",
        CARD.replace("---", "--"),
        CARD.replace("class_label", "something"),
        CARD.replace("'0'", "'7'").replace("- small", "small"),
    ],
)
def test_cards_that_declare_nothing(text: str) -> None:
    assert declared_names(upload("README.md", text)) == {}


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ({"features": {"label": CAT_DOG}}, {"label": [["cat", "dog"]]}),
        ({"default": {"features": {"image": {"_type": "Image"}, "y": CAT_DOG}}}, {"y": [["cat", "dog"]]}),
        ({"features": {"labels": {"feature": CAT_DOG, "_type": "Sequence"}}}, {"labels": [["cat", "dog"]]}),
        ({"features": {"labels": [CAT_DOG]}}, {"labels": [["cat", "dog"]]}),
        (
            {"a": {"features": {"y": CAT_DOG}}, "b": {"features": {"y": {"names": ["x", "y"]}}}},
            {"y": [["cat", "dog"], ["x", "y"]]},
        ),
        ({"a": {"b": {"c": {"d": {"e": {"f": {"features": {"y": CAT_DOG}}}}}}}}, None),
        ({"features": {"label": {"names": [1, 2]}}}, None),
        ({"features": [1]}, None),
        ([], None),
    ],
)
def test_info_files(content: object, found: dict[str, list[list[str]]] | None) -> None:
    declared = declared_names(upload("dataset_infos.json", json.dumps(content)))
    assert declared == ({} if found is None else {("data", "dataset_infos.json"): found})


def test_an_info_file_that_is_none_declares_nothing() -> None:
    assert declared_names(upload("dataset_infos.json", "{")) == {}


@pytest.mark.parametrize(
    ("declared", "columns", "names"),
    [
        ({"label": [["cat", "dog"]]}, (), {"0": "cat", "1": "dog"}),
        ({"label": [["cat", "dog"]], "size": [["s", "l"]]}, ("label",), {"0": "cat", "1": "dog"}),
        ({"label": [["cat", "dog"]], "size": [["s", "l"]]}, (), {}),
        ({"label": [["cat", "dog"], ["x", "y"]]}, (), {}),
        ({"label": [["cat"]]}, (), {}),
        ({"label": [["0", "1"]]}, (), {}),
        ({"label": [["cat", "cat"]]}, (), {}),
    ],
    ids=["one", "by the column", "two that may be it", "two lists", "too few", "numbers", "twice the same"],
)
def test_names_are_taken_where_there_is_no_doubt(
    declared: dict[str, list[list[str]]], columns: tuple[str, ...], names: dict[str, str]
) -> None:
    assert find_names({"0", "1"}, {}, {("README.md",): declared}, columns).names == names
