"""Pieces of uploads that the tests of all annotation tools build."""

import io
import json
from collections.abc import Callable, Iterable

from tests.trainer import archives
from tests.trainer.intake.samples import CLASSES, Outcome, Sample
from trainer.intake.placement import SPLITS, Split
from trainer.intake.upload import Document, Upload

NUMBERS = {name: number for number, name in enumerate(CLASSES)}
ROBOFLOW_SPLITS: dict[Split, str] = {"train": "train", "val": "valid", "test": "test"}


def images(found: Iterable[Sample], place: Callable[[Sample], str] = lambda _sample: "images/") -> dict[str, bytes]:
    """By the folder that ``place`` tells, and the sample's name; a place that ends otherwise is the whole path."""
    placed = ((sample, place(sample)) for sample in found)
    return {f"{path}{sample.name}" if path.endswith("/") or not path else path: sample.data for sample, path in placed}


def by_split(found: Iterable[Sample]) -> dict[Split, list[Sample]]:
    samples = list(found)
    return {split: [sample for sample in samples if sample.split == split] for split in SPLITS}


def as_json(content: object) -> bytes:
    return json.dumps(content).encode()


def as_lines(content: Iterable[object]) -> bytes:
    return b"\n".join(map(as_json, content))


def texts(outcome: Outcome, weight: str) -> list[str]:
    return [finding.text for finding in outcome.report.findings if finding.weight == weight]


def upload_of(documents: archives.Files, paths: Iterable[str]) -> Upload:
    return Upload(
        images=tuple(sorted(tuple(path.split("/")) for path in paths)),
        documents=tuple(
            Document(parts=tuple(name.split("/")), size_bytes=len(data), offset=0, spool=io.BytesIO(data))
            for name, data in sorted(documents.items())
        ),
        most_rows=1000,
    )
