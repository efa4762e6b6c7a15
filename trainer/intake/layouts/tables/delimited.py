"""CSV and its relatives: comma, semicolon, tab or bar between the cells, with or without a header."""

import csv
import io
import unicodedata
from collections import Counter
from itertools import islice

from trainer.intake.findings import Finding
from trainer.intake.layouts.image_finder import ImageFinder
from trainer.intake.layouts.tables.grid import Grid, GridBuilder
from trainer.intake.layouts.tables.roles import is_role
from trainer.intake.layouts.tables.text import decode
from trainer.intake.upload import Document, DocumentUnreadable

SUFFIXES = (".csv", ".tsv", ".tab", ".txt")
_DELIMITERS = ",;\t|"
_SAMPLE_CHARACTERS = 1 << 16
_SAMPLE_ROWS = 50


def read_delimited(document: Document, find: ImageFinder, most_rows: int) -> Grid:
    """Raises DocumentUnreadable."""
    text, encoding = decode(document.read())
    text = unicodedata.normalize("NFC", text)
    start, told = _told_delimiter(text)
    grid = GridBuilder(document, most_rows)
    reader = csv.reader(io.StringIO(text[start:], newline=""), delimiter=told or _delimiter(text), strict=True)
    skipped = text.count("\n", 0, start)
    try:
        for row in reader:
            if any(map(str.strip, row)):
                grid.add(f"line {reader.line_num + skipped}", row)
    except csv.Error as fault:
        raise DocumentUnreadable(f"line {reader.line_num + skipped}: {fault}") from None
    header = grid.first()
    if _is_header(header, document, find):
        return grid.build(header, skip=1, findings=_encoding_note(document, encoding))
    return grid.build(None, findings=_encoding_note(document, encoding))


def _told_delimiter(text: str) -> tuple[int, str | None]:
    """Where the table starts, and the delimiter that Excel's first line ("sep=;") tells."""
    first, _, _ = text[:20].partition("\n")
    told = first.strip().lower()
    if told.startswith("sep=") and len(told) == 5:
        return len(first) + 1, told[-1]
    return 0, None


def _delimiter(text: str) -> str:
    """The one that cuts most of the first rows into equally many cells, and into the most."""
    sample = text[:_SAMPLE_CHARACTERS]
    if len(text) > len(sample):
        sample = sample[: sample.rfind("\n") + 1] or sample
    return max(_DELIMITERS, key=lambda delimiter: _evenness(sample, delimiter))


def _evenness(sample: str, delimiter: str) -> tuple[float, int]:
    try:
        rows = list(islice(csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter), _SAMPLE_ROWS))
    except csv.Error:
        return 0.0, 0
    counts = Counter(len(row) for row in rows if row)
    width, count = counts.most_common(1)[0] if counts else (1, 0)
    if width == 1:
        return 0.0, max(counts, default=0)
    return count / counts.total(), width


def _is_header(cells: tuple[str, ...], document: Document, find: ImageFinder) -> bool:
    """Whether the first row names the columns: it does if it says a known name, and does not if it names an image."""
    if len(cells) == 1:
        return is_role(cells[0])
    return any(map(is_role, cells)) or not any(find(cell, document.folder) for cell in cells)


def _encoding_note(document: Document, encoding: str) -> list[Finding]:
    if encoding != "cp1252":
        return []
    text = f"{document.path} is no UTF-8 text; it is read as Windows-1252. Check the names of the classes."
    return [Finding(weight="note", text=text, files=(document.path,))]
