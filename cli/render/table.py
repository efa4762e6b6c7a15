"""An empty table as every command prints it, and how values are written in its cells.

It has no frame, so that more of 80 columns is left for what it says, and names can be copied out of it.
"""

from collections.abc import Mapping
from copy import copy
from typing import Any

from rich.box import Box
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.table import Column, Table
from rich.text import Text

from nettailor.printable import printable

_RULE_BELOW_THE_HEADS = Box("    \n    \n ── \n    \n ── \n ── \n    \n    \n")


class _TextTable(Table):
    """Cells are text that others wrote: no markup, and one line each. A cell with lines of its own is a `Text`.

    Title and caption are as wide as the console, however narrow the table is.
    """

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        bare = copy(self)
        bare.title = bare.caption = None
        if self.title:
            yield self.title
        yield from super(_TextTable, bare).__rich_console__(console, options)
        if self.caption:
            yield Text(str(self.caption), style="table.caption")

    def add_row(self, *cells: RenderableType | None, **options: Any) -> None:
        super().add_row(*(Text(printable(cell)) if isinstance(cell, str) else cell for cell in cells), **options)


def new_table(title: str, *columns: str | Column) -> Table:
    """A column that is given by its name alone is folded where there is no room."""
    return _TextTable(
        *(Column(each, overflow="fold") if isinstance(each, str) else each for each in columns),
        title=Text(printable(title), style="table.title"),
        box=_RULE_BELOW_THE_HEADS,
        show_edge=False,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )


def whole(head: str) -> Column:
    """A column that is never folded: ids, states, times."""
    return Column(head, no_wrap=True)


def number(head: str) -> Column:
    """A column of figures, one below the other."""
    return Column(head, no_wrap=True, justify="right")


def with_notes(table: Table, notes: Mapping[str, str]) -> RenderableType:
    """A table, and below it what its rows have no room for: reasons, notes, by the row's name."""
    if not notes:
        return table
    below = _TextTable(whole(""), Column("", overflow="fold"), box=None, show_header=False, padding=(0, 2, 0, 0))
    for name, note in notes.items():
        below.add_row(name, note)
    return Group(table, Text(), below)


def size(count: int) -> str:
    """Bytes in KB or MB (powers of ten)."""
    return f"{count / 1e6:.2f} MB" if count >= 1e6 else f"{count / 1e3:.1f} KB"


def change(removed: float) -> str:
    """What a share that was removed of something makes of it: `-30.0%`, or `+5.0%` where more was added."""
    return f"{0 - removed:+.1%}"  # zero has no minus


def minute(at: str) -> str:
    """An ISO 8601 time without its seconds."""
    return at[:16].replace("T", " ")


def pairs(values: Mapping[str, str], sign: str) -> str:
    return ", ".join(f"{name}{sign}{value}" for name, value in sorted(values.items()))
