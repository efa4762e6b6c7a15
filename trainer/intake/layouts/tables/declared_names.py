"""Names of classes as data sets of Hugging Face declare them: in `dataset_infos.json` and at the top of `README.md`."""

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from nettailor.normal_form import nfc
from trainer.intake.archives.paths import Parts
from trainer.intake.upload import DocumentUnreadable, Upload

DeclaredNames = Mapping[str, Sequence[Sequence[str]]]  # feature -> the different lists of names that it is given

_INFOS = frozenset({"dataset_infos.json", "dataset_info.json"})
_CARD = "readme.md"
_CARD_BYTES = 1 << 20
_DEEP = 6  # objects in objects
_NAME = re.compile(r"^(\s*)- name:\s*(.+)$")
_ITEM = re.compile(r"""^\s*(?:-|(['"]?)(\d+)\1:)\s+(.+)$""")


def declared_names(upload: Upload) -> dict[Parts, DeclaredNames]:
    """For `Upload.once`: by the document that declares them."""
    found: dict[Parts, DeclaredNames] = {}
    for document in upload.documents:
        if document.name in _INFOS:
            try:
                found[document.parts] = _different(_of_infos(document.json(), _DEEP))
            except DocumentUnreadable:
                continue  # reported as a document that says nothing
        elif document.name == _CARD:
            found[document.parts] = _different(_of_card(document.head(_CARD_BYTES).decode("utf-8", "replace")))
    return {parts: names for parts, names in found.items() if names}


def names_of_features(features: Any) -> dict[str, list[str]]:
    """Column -> the names of its classes, of what the library calls features."""
    if not isinstance(features, dict):
        return {}
    found = {column: _names_of(feature) for column, feature in features.items()}
    return {column: names for column, names in found.items() if names}


def _names_of(feature: Any) -> list[str]:
    """Of one feature, or of each item of one that is a list."""
    if isinstance(feature, list) and len(feature) == 1:
        return _names_of(feature[0])
    if not isinstance(feature, dict):
        return []
    names = feature.get("names")
    if isinstance(names, list) and all(isinstance(name, str) for name in names):
        return names
    return _names_of(feature["feature"]) if "feature" in feature else []


def _different(pairs: Iterator[tuple[str, list[str]]]) -> DeclaredNames:
    found: dict[str, list[Sequence[str]]] = defaultdict(list)
    for feature, written in pairs:
        names = list(map(nfc, written))
        if names and names not in found[feature]:
            found[feature].append(names)
    return {feature: lists for feature, lists in found.items() if lists}


def _of_infos(content: Any, depth: int) -> Iterator[tuple[str, list[str]]]:
    """Of every object called features, however deep: older files have one for each configuration."""
    if not isinstance(content, dict) or not depth:
        return
    yield from names_of_features(content.get("features")).items()
    for value in content.values():
        yield from _of_infos(value, depth - 1)


def _of_card(text: str) -> Iterator[tuple[str, list[str]]]:
    """Of the YAML between the first two lines of dashes, as far as the library writes it."""
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")
    if not lines or lines[0].strip() != "---" or "---" not in lines[1:]:
        return
    lines = lines[1 : lines.index("---", 1)]
    feature = ""
    for number, line in enumerate(lines):
        named = _NAME.match(line)
        if named:
            feature = _scalar(named[2])
        elif line.strip() == "names:" and number and lines[number - 1].strip() == "class_label:":
            yield feature, list(_items(lines[number + 1 :], _indent(line)))


def _items(lines: Sequence[str], indent: int) -> Iterator[str]:
    """The names in a block that is indented deeper than its head, numbered or not."""
    for number, line in enumerate(lines):
        item = _ITEM.match(line)
        is_inside = _indent(line) > indent or (_indent(line) == indent and line.lstrip().startswith("- "))
        if item is None or not is_inside or (item[2] is not None and int(item[2]) != number):
            return
        yield _scalar(item[3])


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _scalar(text: str) -> str:
    """A word of YAML as it was meant."""
    text = text.strip()
    if len(text) > 1 and text[0] == text[-1] == "'":
        return text[1:-1].replace("''", "'")
    if len(text) > 1 and text[0] == text[-1] == '"':
        try:
            return str(json.loads(text))
        except ValueError:
            return text[1:-1]
    return text
