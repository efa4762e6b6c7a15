"""Parquet tables of labels, where pyarrow is installed (the extra ``parquet``)."""

import importlib
from typing import Any

from trainer.intake.layouts.tables.grid import MOST_CELLS, Grid, GridBuilder
from trainer.intake.upload import Document, DocumentUnreadable

_BATCH_ROWS = 4096
_UNPACKED_BYTES = 512 * 1024**2


def read_parquet(document: Document, most_rows: int) -> Grid:
    """Columns of nested values and of bytes are left out. Raises DocumentUnreadable, also where pyarrow is missing."""
    arrow, parquet = _pyarrow()
    try:
        table = parquet.ParquetFile(document.file())
        _check(table.metadata, most_rows)
        columns = [field.name for field in table.schema_arrow if _is_plain(field.type, arrow.types)]
        grid = GridBuilder(document, most_rows)
        number = 0
        for batch in table.iter_batches(batch_size=_BATCH_ROWS, columns=columns):
            for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                number += 1
                grid.add(f"row {number}", map(_text, row))
    except (arrow.ArrowException, OSError, ValueError) as fault:
        raise DocumentUnreadable(f"not a Parquet table ({str(fault)[:100]})") from None
    return grid.build(columns)


def _pyarrow() -> tuple[Any, Any]:
    try:
        return importlib.import_module("pyarrow"), importlib.import_module("pyarrow.parquet")
    except ImportError:
        raise DocumentUnreadable(
            "a Parquet table, which needs pyarrow here: pip install 'nettailor-server[parquet]'"
        ) from None


def _check(metadata: Any, most_rows: int) -> None:
    """By what the file claims, before anything is unpacked. Raises DocumentUnreadable."""
    if metadata.num_rows > most_rows or metadata.num_rows * metadata.num_columns > MOST_CELLS:
        raise DocumentUnreadable(f"more than {most_rows} rows or {MOST_CELLS} cells")
    unpacked_bytes = sum(metadata.row_group(index).total_byte_size for index in range(metadata.num_row_groups))
    if unpacked_bytes > _UNPACKED_BYTES:
        raise DocumentUnreadable(f"unpacks to {unpacked_bytes} bytes")


def _is_plain(kind: Any, types: Any) -> bool:
    if types.is_dictionary(kind):
        kind = kind.value_type
    return bool(
        types.is_string(kind)
        or types.is_large_string(kind)
        or types.is_integer(kind)
        or types.is_floating(kind)
        or types.is_boolean(kind)
    )


def _text(value: Any) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
