"""An empty table as every command prints it, and how values are written in its cells."""

from collections.abc import Mapping
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from nettailor.printable import printable


class _TextTable(Table):
    """Cells are text that others wrote: no markup, and one line each. A cell with lines of its own is a `Text`."""

    def add_row(self, *cells: RenderableType | None, **options: Any) -> None:
        super().add_row(*(Text(printable(cell)) if isinstance(cell, str) else cell for cell in cells), **options)


def new_table(title: str, *columns: str) -> Table:
    named = Text(printable(title), style="table.title")
    table = _TextTable(title=named, title_justify="left", caption_justify="left")
    for column in columns:
        table.add_column(column, overflow="fold")  # an id cut short is of no use
    return table


def size(count: int) -> str:
    """Bytes in KB or MB (powers of ten)."""
    return f"{count / 1e6:.2f} MB" if count >= 1e6 else f"{count / 1e3:.1f} KB"


def minute(at: str) -> str:
    """An ISO 8601 time without its seconds."""
    return at[:16].replace("T", " ")


def pairs(values: Mapping[str, str], sign: str) -> str:
    return ", ".join(f"{name}{sign}{value}" for name, value in sorted(values.items()))
