"""What the tests of all annotation tools ask of an outcome, and uploads without pixels."""

import io
from collections.abc import Iterable

from benchmarks.exports.packing import Files
from benchmarks.exports.reading import Outcome
from trainer.intake.upload import Document, Upload


def texts(outcome: Outcome, weight: str) -> list[str]:
    return [finding.text for finding in outcome.report.findings if finding.weight == weight]


def upload_of(documents: Files, paths: Iterable[str], most_rows: int = 1000) -> Upload:
    return Upload(
        images=tuple(sorted(tuple(path.split("/")) for path in paths)),
        documents=tuple(
            Document(parts=tuple(name.split("/")), size_bytes=len(data), offset=0, spool=io.BytesIO(data))
            for name, data in sorted(documents.items())
        ),
        most_rows=most_rows,
    )
