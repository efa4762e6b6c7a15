"""What Teachable Machine gives out."""

from collections.abc import Iterator

from benchmarks.exports.documents import as_json
from benchmarks.exports.export import Export
from benchmarks.exports.packing import zip_of
from benchmarks.exports.samples import CLASSES, TRAIN

MANIFEST = as_json({"type": "image", "version": "2.4.5", "appdata": {"trainEpochs": 50}})
CALLED = dict(zip(CLASSES, ("Class 1", "Class 2", "in-samples box"), strict=True))
PROJECT = {f"{CALLED[s.label]}-!-{s.number}.jpg": s.data for s in TRAIN} | {"manifest.json": MANIFEST}


def class_zip(label: str, first: int = 0, last: int = 99) -> bytes:
    """As "Download samples" of a class packs them."""
    found = [sample for sample in TRAIN if sample.label == label and first <= sample.number < last]
    return zip_of({f"{sample.number}.jpg": sample.data for sample in found})


UPLOADS = {
    "archives": {f"{CALLED[label]}-samples.zip": class_zip(label) for label in CLASSES},
    "archives in a folder": {f"my samples/{CALLED[label]}-samples.zip": class_zip(label) for label in CLASSES},
    "archives downloaded twice": {
        **{f"{CALLED[label]}-samples.zip": class_zip(label, last=6) for label in CLASSES},
        **{f"{CALLED[label]}-samples (1).zip": class_zip(label, first=6) for label in CLASSES},
    },
    "folders": {f"{CALLED[s.label]}-samples/{s.number}.jpg": s.data for s in TRAIN},
    "numbered folders": {f"pets/{CALLED[s.label]}-samples (3)/{s.number}.jpg": s.data for s in TRAIN},
    "project": PROJECT,
    "project inside": {"project.tm": zip_of(PROJECT)},
}


def exports() -> Iterator[Export]:
    for variant, upload in UPLOADS.items():
        name = f"teachable machine/{variant}"
        yield Export(name=name, upload=upload, true=TRAIN, given=(), names=tuple(CALLED.values()))
