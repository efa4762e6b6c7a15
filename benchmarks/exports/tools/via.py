"""VGG Image Annotator: projects, and exports of attributes as JSON and CSV."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from benchmarks.exports.documents import as_json, images, table_of_rows
from benchmarks.exports.export import Export
from benchmarks.exports.samples import CLASSES, TRAIN, Sample
from benchmarks.exports.tools.boxes import Shown

Attributes = Callable[[Sample], Mapping[str, Any]]

ATTRIBUTES: Mapping[str, Attributes] = {
    "a word": lambda s: {"animal": s.label},
    "a tick": lambda s: {"animal": {s.label: True}},
    "ticks": lambda s: {"animal": {name: name == s.label for name in CLASSES}},
    "a word and a caption": lambda s: {"animal": s.label, "caption": f"picture {s.stem}"},
}


def via(shown: Shown, attributes: Attributes = lambda _sample: {}) -> dict[str, bytes]:
    def regions(names: Sequence[str]) -> list[dict[str, Any]]:
        return [{"shape_attributes": {"name": "rect", "x": 1}, "region_attributes": {"kind": name}} for name in names]

    content = {
        f"{sample.name}1234": {
            "filename": sample.name,
            "size": 1234,
            "regions": regions(names),
            "file_attributes": attributes(sample),
        }
        for sample, names in shown.items()
    }
    return {"via_region_data.json": as_json(content)}


def via_project(shown: Shown, attributes: Attributes = lambda _sample: {}) -> dict[str, bytes]:
    (data,) = via(shown, attributes).values()
    return {"project.json": as_json({"_via_settings": {}, "_via_img_metadata": json.loads(data)})}


def via_csv(shown: Shown, attributes: Attributes = lambda _sample: {}, *, first: str = "filename") -> dict[str, bytes]:
    """A row a region; one of nothing for an image without any."""
    rows = [
        {
            first: sample.name,
            "file_size": 1234,
            "file_attributes": json.dumps(attributes(sample)),
            "region_count": len(names),
            "region_id": number,
            "region_shape_attributes": json.dumps({"name": "rect", "x": 1, "y": 2} if name else {}),
            "region_attributes": json.dumps({"kind": name} if name else {}),
        }
        for sample, names in shown.items()
        for number, name in enumerate(names or [""])
    ]
    return {"via_export_csv.csv": table_of_rows(rows)}


FORMS = {"JSON": via, "project": via_project, "CSV": via_csv}


def exports() -> Iterator[Export]:
    nothing: Shown = dict.fromkeys(TRAIN, ())
    single: Shown = {sample: [sample.label, sample.label] for sample in TRAIN}
    mixed = {**single, TRAIN[0]: ["cat", "owl"]}
    pictures = images(TRAIN)
    for form, make in FORMS.items():
        for variant, attributes in ATTRIBUTES.items():
            files = make(nothing, attributes)
            yield Export(name=f"via/{form}, {variant}", upload=pictures | files, true=TRAIN, given=())
        yield Export(name=f"via/{form}, regions", upload=pictures | make(single), true=TRAIN, given=())
        yield Export(
            name=f"via/{form}, regions of several classes",
            upload=pictures | make(mixed),
            true=TRAIN,
            refusal="1 of 36 images show several classes",
        )
    old = via_csv(single, first="#filename")
    yield Export(name="via/CSV of VIA 1", upload=pictures | old, true=TRAIN, given=())
