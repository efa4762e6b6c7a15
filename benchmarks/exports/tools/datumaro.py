"""Datumaro's JSON and its lists of images (`imagenet_txt`)."""

from collections.abc import Iterator, Sequence
from typing import Any

from benchmarks.exports.documents import as_json, images
from benchmarks.exports.export import Export
from benchmarks.exports.samples import ALL, CLASSES, NUMBERS, TRAIN, Sample, by_split

SYNSETS = {"synsets.txt": "".join(f"{name}\n" for name in CLASSES).encode()}


def content(found: Sequence[Sample], kind: str = "label", *, has_path: bool = True) -> dict[str, Any]:
    labels = [{"name": name, "parent": "", "attributes": []} for name in CLASSES]
    return {
        "dm_format_version": "1.0",
        "media_type": 2,
        "infos": {},
        "categories": {"label": {"labels": labels, "label_groups": [], "attributes": []}},
        "items": [
            {
                "id": sample.stem,
                "annotations": [{"id": 0, "type": kind, "group": 0, "label_id": NUMBERS[sample.label]}],
                "image": {"path": sample.name if has_path else "", "size": [24, 24]},
            }
            for sample in found
        ],
    }


def listed(found: Sequence[Sample], pattern: str = "{stem}.png") -> bytes:
    """Lines of an image and the number of its class."""
    return "".join(f"{pattern.format(stem=each.stem)} {NUMBERS[each.label]}\n" for each in found).encode()


def exports() -> Iterator[Export]:
    for has_path in (True, False):
        files = images(ALL, lambda sample: f"images/{sample.split}/")
        for split, found in by_split(ALL).items():
            files[f"annotations/{split}.json"] = as_json(content(found, has_path=has_path))
        yield Export(name=f"datumaro/JSON{'' if has_path else ' without paths'}", upload=files, true=ALL)
    files = images(TRAIN, lambda _sample: "images/default/") | {"annotations/default.json": as_json(content(TRAIN))}
    yield Export(name="datumaro/JSON of CVAT", upload=files, true=TRAIN, given=())
    lists = {f"{split}.txt": listed(found) for split, found in by_split(ALL).items()}
    yield Export(name="datumaro/imagenet_txt", upload=SYNSETS | images(ALL) | lists, true=ALL)
    one = SYNSETS | images(TRAIN) | {"default.txt": listed(TRAIN)}
    yield Export(name="datumaro/imagenet_txt without subsets", upload=one, true=TRAIN, given=())
    deep = images(ALL, lambda s: f"images/{s.label}/")
    quoted = {
        f"{split}.txt": b"".join(listed([s], f"{s.label}/{{stem}}.png") for s in found)
        for split, found in by_split(ALL).items()
    }
    yield Export(name="datumaro/imagenet_txt over class folders", upload=SYNSETS | deep | quoted, true=ALL)
    classes = images(ALL, lambda s: f"{s.split}/{s.label}/")
    yield Export(name="datumaro/imagenet_with_subset_dirs", upload=classes, true=ALL)
    prefixed = images(TRAIN, lambda s: f"{s.label}/{s.label}_{s.name}")
    yield Export(name="datumaro/imagenet", upload=prefixed, true=TRAIN, given=())
