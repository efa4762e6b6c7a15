"""Roboflow's one-hot tables. Its class folders are read as folders of splits, its COCO export as COCO."""

from collections.abc import Iterator

from trainer.intake.findings import Finding, shorten
from trainer.intake.layouts.annotations.reading import AnnotationFile, Entry
from trainer.intake.layouts.annotations.tool import AnnotationTool, parse_all
from trainer.intake.layouts.image_finder import finder_of
from trainer.intake.layouts.tables.delimited import read_delimited
from trainer.intake.layouts.tables.grid import Grid
from trainer.intake.upload import Document, Upload

_YES, _NO = frozenset({"1", "1.0"}), frozenset({"0", "0.0", ""})


class RoboflowTable(AnnotationTool):
    name = "Roboflow one-hot CSV"
    seen_from = "Roboflow (`_classes.csv` a split, as the roboflow SDK 1.7.3 reads it)"
    reads = "the one column of an image that holds 1; an image of several or none is left out and said"

    def files(self, upload: Upload) -> list[AnnotationFile]:
        documents = (document for document in upload.documents if document.name == "_classes.csv")
        return parse_all(documents, lambda document: _parse(document, upload), upload.most_rows)


def _parse(document: Document, upload: Upload) -> AnnotationFile | None:
    grid = read_delimited(document, upload.once(finder_of), upload.most_rows)
    if grid.columns is None or grid.columns[0].lower() != "filename":
        return None
    return AnnotationFile(
        document=document,
        entries=list(_entries(grid)),
        classes=frozenset(grid.columns[1:]) - {""},
        findings=list(_odd_rows(grid)),
    )


def _entries(grid: Grid) -> Iterator[Entry]:
    columns = grid.columns or ()
    rows = [
        (row, tuple(name for name, cell in zip(columns[1:], row.cells[1:], strict=True) if cell in _YES))
        for row in grid.rows
    ]
    for row, labels in rows:
        yield Entry(where=row.where, files=(row.cells[0],), labels=labels)


def _odd_rows(grid: Grid) -> Iterator[Finding]:
    path = grid.document.path
    odd = [row.where for row in grid.rows if not set(row.cells[1:]) <= _YES | _NO]
    too_long = [row.where for row in grid.too_long]
    for what, places in (("other cells than 0 and 1", odd), ("more cells than there are columns", too_long)):
        if places:
            text = f"{path}: {len(places)} rows have {what}: {', '.join(shorten(places))}. Correct them."
            yield Finding(weight="warning", text=text, files=(path,))
