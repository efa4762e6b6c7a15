"""The report on a data set: figures as JSON, a page, a picture of a few images of each class."""

import json
import logging
from dataclasses import asdict
from pathlib import Path

from registry.storage.blobs import Blobs
from trainer.events import Json
from trainer.intake.findings import in_order
from trainer.intake.freeze import IntakeReport
from trainer.intake.left_out import by_reason
from trainer.intake.placement import SPLITS
from trainer.intake.statistics import Extent, imbalance, is_even
from trainer.reports.contact_sheet import contact_sheet
from trainer.reports.origin import Origin
from trainer.reports.render import data_uri, render

logger = logging.getLogger(__name__)

FIGURES, PAGE, SHEET = "dataset.json", "dataset.html", "contact-sheet.jpg"
_SHOWN = 1000  # rows of a table on the page
_TOLD = 1.1  # times as many images of one class as of another, from which it is worth a figure


def make_dataset_report(report: IntakeReport, dataset: Path, origin: Origin) -> dict[str, bytes]:
    """The files of the report by name, for the dataset file ``dataset``."""
    sheet = contact_sheet(dataset, report.classes)
    found = figures(report) | {"task": origin.task, "job": origin.job, "uploaded_at": origin.uploaded_at}
    page = render(
        "dataset",
        figures=found,
        origin=origin,
        tiles=_tiles(report),
        sheet=data_uri("image/jpeg", sheet),
        classes=[(name, *row.values()) for name, row in list(_class_rows(report).items())[:_SHOWN]],
        extents=[(name, *asdict(extent).values()) for name, extent in _extents(report)],
        findings=in_order(report.findings)[:_SHOWN],
        reasons=[(group.count, group.reason) for group in by_reason(report.skipped)[:_SHOWN]],
        skipped=[(skip.file, skip.reason) for skip in report.skipped[:_SHOWN]],
    )
    return {FIGURES: json.dumps(found, ensure_ascii=False).encode(), PAGE: page.encode(), SHEET: sheet}


def store_dataset_report(report: IntakeReport, dataset: Path, blobs: Blobs, origin: Origin) -> dict[str, Json]:
    """Names and digests of the stored files. There are none where the report cannot be made or stored: a job does not
    fail of that."""
    try:
        return {name: blobs.put(data) for name, data in make_dataset_report(report, dataset, origin).items()}
    except Exception:  # see above; the log has it
        logger.exception("no report on data set %s", report.digest)
        return {}


def figures(report: IntakeReport) -> dict[str, Json]:
    """Counts are images, sizes pixels."""
    rows = _class_rows(report)
    train = {name: counts["train"] for name, counts in report.counts.items()}
    ratio = imbalance(train.values())
    return {
        "format": "nettailor-dataset-report/1",
        "dataset": report.digest,
        "layout": report.layout,
        "why": report.inspection.why,
        "findings": [finding.as_json() for finding in report.findings],
        "images": report.images,
        "classes": {name: dict(row) for name, row in rows.items()},
        "splits": {str(split): count for split, count in report.inspection.splits.items()},
        "width": dict(asdict(report.statistics.widths)),
        "height": dict(asdict(report.statistics.heights)),
        "formats": dict(report.statistics.formats),
        "modes": dict(report.statistics.modes),
        "duplicates": report.statistics.duplicates,
        "imbalance": {
            "ratio": round(ratio, 3),
            "largest": max(train, key=lambda name: train[name]),
            "smallest": min(train, key=lambda name: train[name]),
            "weighted": not is_even(train.values()),
        },
        "skipped": [{"file": skip.file, "reason": skip.reason} for skip in report.skipped],
    }


def _tiles(report: IntakeReport) -> list[tuple[str, str]]:
    """A figure and how the sentence goes on that begins with it."""
    splits = report.inspection.splits
    ratio = imbalance([counts["train"] for counts in report.counts.values()])
    uneven = (f"{ratio:.1f} times", "as many training images of the largest class as of the smallest")
    even = ("Even", "about as many training images of one class as of another")
    return [
        (f"{report.images} images", f"of {len(report.classes)} classes"),
        (str(splits["train"]), "of them to train on"),
        (str(splits["val"]), "to choose a network by"),
        (str(splits["test"]), "to test it on, once"),
        (f"{len(report.skipped) or 'No'} files", "were left out"),
        uneven if ratio >= _TOLD else even,
    ]


def _class_rows(report: IntakeReport) -> dict[str, dict[str, int]]:
    return {
        name: {**{split: counts[split] for split in SPLITS}, "all": sum(counts.values())}
        for name, counts in report.counts.items()
    }


def _extents(report: IntakeReport) -> list[tuple[str, Extent]]:
    return [("width, pixels", report.statistics.widths), ("height, pixels", report.statistics.heights)]
