"""Tables with a row a box: image, class and corners."""

from trainer.intake.layouts.annotations.reading import AnnotationFile, Entry
from trainer.intake.layouts.annotations.tool import AnnotationTool, parse_all
from trainer.intake.layouts.image_finder import finder_of
from trainer.intake.layouts.tables.delimited import read_delimited
from trainer.intake.layouts.tables.roles import find_roles, label_of
from trainer.intake.upload import Document, Upload

_CORNERS = frozenset({"xmin", "ymin", "xmax", "ymax"})


class BoxTable(AnnotationTool):
    name = "table of boxes"
    seen_from = "VoTT 2 (CSV, as Datumaro 1.13.12 reads it); Roboflow (TensorFlow CSV), Open Images (documented)"
    reads = "a CSV with columns xmin, ymin, xmax and ymax: refused unless every image shows one class"
    boxes_only = True

    def files(self, upload: Upload) -> list[AnnotationFile]:
        tables = (each for each in upload.documents if each.suffix == ".csv" and _has_corners(each.head()))
        return parse_all(tables, lambda document: _parse(document, upload), upload.most_rows)


def _has_corners(head: bytes) -> bool:
    header = head.partition(b"\n")[0].decode("utf-8", "replace").lower()
    return {cell.strip(" \r\"'") for cell in header.replace(";", ",").split(",")} >= _CORNERS


def _parse(document: Document, upload: Upload) -> AnnotationFile | None:
    find = upload.once(finder_of)
    grid = read_delimited(document, find, upload.most_rows)
    roles = find_roles(grid, find)
    if isinstance(roles, str) or not roles.has_label:
        return None
    rows = [
        Entry(
            where=row.where,
            files=(row.cells[roles.file],),
            boxes=tuple(filter(None, (label_of(roles, row),))),
            split="" if roles.split is None else row.cells[roles.split],
        )
        for row in grid.rows
    ]
    return AnnotationFile(document=document, entries=rows, findings=grid.findings)
