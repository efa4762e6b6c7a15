"""Edge Impulse's `info.labels`, and images that carry their class in their names."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from benchmarks.exports.documents import as_json, images
from benchmarks.exports.export import Export
from benchmarks.exports.samples import Sample, samples
from trainer.intake.placement import Split

FOLDERS: Mapping[Split, str] = {"train": "training", "test": "testing"}
BOTH = samples(splits=["train", "test"], each=12)


def path_of(sample: Sample) -> str:
    return f"{FOLDERS[sample.split]}/{sample.label}.{sample.name[4:12]}.ingestion-5d4c.png"


def info(found: Sequence[Sample]) -> dict[str, Any]:
    return {
        "version": 1,
        "files": [
            {
                "path": path_of(sample),
                "name": f"{sample.label}.{sample.name}",
                "category": FOLDERS[sample.split],
                "label": {"type": "label", "label": sample.label},
                "boundingBoxes": [],
                "enabled": True,
            }
            for sample in found
        ],
    }


def exports() -> Iterator[Export]:
    given: tuple[Split, ...] = ("train", "test")
    files = images(BOTH, path_of)
    yield Export(
        name="edge impulse/info.labels", upload={**files, "info.labels": as_json(info(BOTH))}, true=BOTH, given=given
    )
    yield Export(name="edge impulse/names of images", upload=files, true=BOTH, given=given)
    content = info(BOTH)
    content["files"][0]["enabled"] = False
    yield Export(
        name="edge impulse/a disabled file",
        upload={**files, "info.labels": as_json(content)},
        true=BOTH[1:],
        given=given,
        left_out=[path_of(BOTH[0])],
    )
    content = info(BOTH)
    for file in content["files"]:
        file |= {"label": {"type": "unlabeled"}, "boundingBoxes": [{"label": name, "x": 1} for name in ("cat", "dog")]}
    yield Export(
        name="edge impulse/boxes of several classes",
        upload={**files, "info.labels": as_json(content)},
        true=BOTH,
        refusal="show several classes",
    )
