"""A table as it stands in a document, before anything is made of its columns."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from trainer.intake.findings import Finding
from trainer.intake.upload import Document, DocumentUnreadable

MOST_CELLS = 4_000_000  # of one table: about a quarter of a gigabyte
MOST_COLUMNS = 10_000


@dataclass(frozen=True, kw_only=True)
class GridRow:
    # its place in the document: "line 3", "entry 3"
    where: str
    # as many as there are columns, but for rows that are too long
    cells: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Grid:
    document: Document
    # None where the document does not name them
    columns: tuple[str, ...] | None
    rows: Sequence[GridRow]
    # rows with more cells than there are columns, as they are
    too_long: Sequence[GridRow] = ()
    findings: Sequence[Finding] = ()

    @property
    def width(self) -> int:
        return len(self.columns) if self.columns is not None else len(self.rows[0].cells) if self.rows else 0

    def column(self, index: int) -> list[str]:
        return [row.cells[index] for row in self.rows]

    def sample(self, count: int) -> Sequence[GridRow]:
        """Rows from all over the table, at most so many."""
        return self.rows[:: max(1, -(-len(self.rows) // count))]


class GridBuilder:
    """Collects rows of any length. Equal cells are kept once, and there is a most of everything."""

    def __init__(self, document: Document, most_rows: int) -> None:
        self._document = document
        self._most_rows = most_rows
        self._rows: list[tuple[str, tuple[str, ...]]] = []
        self._cells: dict[str, str] = {}
        self._count = 0

    def add(self, where: str, cells: Iterable[str]) -> None:
        """Raises DocumentUnreadable."""
        row = tuple(self._cells.setdefault(cell, cell) for cell in map(str.strip, cells))
        self._rows.append((where, row))
        self._count += len(row)
        if len(self._rows) > self._most_rows:
            raise DocumentUnreadable(f"more than {self._most_rows} rows")
        if self._count > MOST_CELLS or len(row) > MOST_COLUMNS:
            raise DocumentUnreadable(f"more than {MOST_CELLS} cells or {MOST_COLUMNS} columns")

    def first(self) -> tuple[str, ...]:
        return self._rows[0][1] if self._rows else ()

    def build(self, columns: Sequence[str] | None, *, skip: int = 0, findings: Sequence[Finding] = ()) -> Grid:
        """Shorter rows are filled up; longer ones, but for empty cells at their ends, are no rows of the table.

        ``skip`` rows at the top are a header. Raises DocumentUnreadable.
        """
        rows = self._rows[skip:]
        width = len(columns) if columns is not None else max((len(row) for _, row in rows[:100]), default=0)
        if width * len(rows) > MOST_CELLS:
            raise DocumentUnreadable(f"more than {MOST_CELLS} cells")
        if not rows:
            raise DocumentUnreadable("holds no row")
        return Grid(
            document=self._document,
            columns=None if columns is None else tuple(columns),
            rows=[GridRow(where=where, cells=_fitted(row, width)) for where, row in rows if not any(row[width:])],
            too_long=[GridRow(where=where, cells=row) for where, row in rows if any(row[width:])],
            findings=findings,
        )


def _fitted(row: tuple[str, ...], width: int) -> tuple[str, ...]:
    return row if len(row) == width else (row + ("",) * width)[:width]
