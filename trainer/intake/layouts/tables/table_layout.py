"""A table of labels beside the images."""

from trainer.intake.layouts.layout import LIKELY, Reading, Recognition
from trainer.intake.layouts.tables.table import SUFFIXES, LabelTable, read_table
from trainer.intake.upload import Upload

_TABLES = 16  # candidates that are looked into


class TableLayout:
    name = "table of labels"
    seen_from = "spreadsheets, pandas, Kaggle"
    reads = "one CSV or JSON Lines file with columns for the image, its class and optionally its split"

    def recognise(self, upload: Upload) -> Recognition | None:
        best = _best(upload)
        if best is None:
            return None
        return Recognition(confidence=LIKELY, why=f"{'/'.join(best.parts)} says what most images are")

    def read(self, upload: Upload) -> Reading:
        best = _best(upload)
        assert best is not None
        unplaced = (parts for parts in upload.images if parts not in best.places)
        return Reading(
            placements=best.places,
            left_out=[
                *((best.parts, fault) for fault in best.faults),
                *((parts, f"not in {best.parts[-1]}") for parts in unplaced),
            ],
            documents=frozenset({best.parts}),
        )


def unused_reasons(upload: Upload) -> dict[tuple[str, ...], str]:
    """Why each candidate that was not used is no table of labels for these images."""
    best = _best(upload)
    return {
        table.parts: f"not used as a table of labels: {_reason(table)}"
        for table in upload.once(_tables)
        if table is not best
    }


def _reason(table: LabelTable) -> str:
    return "says nothing of most images" if table.places else next(iter(table.faults), "holds no row")


def _best(upload: Upload) -> LabelTable | None:
    """The one table that places at least half of the images."""
    best = max(upload.once(_tables), key=lambda table: len(table.places), default=None)
    return None if best is None or 2 * len(best.places) < max(1, len(upload.images)) else best


def _tables(upload: Upload) -> list[LabelTable]:
    candidates = [document for document in upload.documents if document.suffix in SUFFIXES]
    return [read_table(document, upload.images, upload.most_rows) for document in candidates[:_TABLES]]
