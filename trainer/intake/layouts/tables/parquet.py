"""Parquet tables of labels, where pyarrow is installed (the extra ``parquet``)."""

from typing import Any

from nettailor.normal_form import nfc
from trainer.intake.layouts.tables.grid import MOST_CELLS, Grid, GridBuilder
from trainer.intake.parquet.library import ParquetUnreadable, PyarrowMissing
from trainer.intake.parquet.parquet_file import PageLimits, ParquetFile
from trainer.intake.parquet.plain import is_plain
from trainer.intake.upload import Document, DocumentUnreadable

_LIMITS = PageLimits(page_bytes=64 << 20, ratio=1000, ratio_floor_bytes=4 << 20)


def read_parquet(document: Document, most_rows: int) -> Grid:
    """Columns of nested values and of bytes are left out. Raises DocumentUnreadable, also where pyarrow is missing."""
    try:
        file = ParquetFile(document)
        columns = [field.name for field in file.schema if is_plain(field.type, file.types)]
        if file.row_count > most_rows or file.row_count * len(columns) > MOST_CELLS:
            raise DocumentUnreadable(f"more than {most_rows} rows or {MOST_CELLS} cells")
        grid = GridBuilder(document, most_rows)
        for number, row in enumerate(file.rows(columns, _LIMITS), start=1):
            grid.add(f"row {number}", (_text(row[column]) for column in columns))
    except PyarrowMissing as fault:
        raise DocumentUnreadable(f"a Parquet table, which {fault}") from None
    except ParquetUnreadable as fault:
        raise DocumentUnreadable(f"not a Parquet table ({fault})") from None
    return grid.build(columns)


def _text(value: Any) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else nfc(str(value))
