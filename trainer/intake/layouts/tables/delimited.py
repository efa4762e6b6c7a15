"""CSV and its relatives: comma, semicolon, tab or bar between the cells, with or without a header."""

import csv
import io
from collections import Counter
from collections.abc import Iterator
from itertools import chain, islice

from nettailor.normal_form import nfc
from trainer.intake.archives.formats import is_image_name
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
    text = nfc(text)
    grid = GridBuilder(document, most_rows)
    for where, cells in _spaced(text, document, find) or _delimited(text):
        grid.add(where, cells)
    header = grid.first()
    notes = _encoding_note(document, encoding)
    if _is_header(header, document, find):
        return grid.build(header, skip=1, findings=notes)
    return grid.build(None, findings=notes)


def _delimited(text: str) -> Iterator[tuple[str, list[str]]]:
    """The place and the cells of every row. Raises DocumentUnreadable."""
    start, told = _told_delimiter(text)
    reader = csv.reader(io.StringIO(text[start:], newline=""), delimiter=told or _delimiter(text)[0], strict=True)
    skipped = text.count("\n", 0, start)
    try:
        for row in reader:
            if any(map(str.strip, row)):
                yield f"line {reader.line_num + skipped}", row
    except csv.Error as fault:
        raise DocumentUnreadable(f"line {reader.line_num + skipped}: {fault}") from None


def _spaced(text: str, document: Document, find: ImageFinder) -> list[tuple[str, list[str]]] | None:
    """Rows with blanks between their cells, as in lists of research data sets; None for all other text.

    The first cell is a number or an image. There are two, of which one may hold blanks itself, unless all others are
    equally many numbers; lines that begin with # are none.
    """
    if document.suffix != ".txt" or _delimiter(text)[1] > 1:
        return None
    lines = [(f"line {number}", line.strip()) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    lines = [(where, line) for where, line in lines if not line.startswith("#")]
    for cut in (str.split, str.rsplit):
        rows = [(where, cut(line, None, 1)) for where, line in lines]
        sample = [cells for _, cells in rows[:: max(1, len(rows) // _SAMPLE_ROWS)]]
        if sample and all(len(cells) == 2 and _is_key(cells[0], document, find) for cells in sample):
            return _numbers(rows) or rows
    return None


def _numbers(rows: list[tuple[str, list[str]]]) -> list[tuple[str, list[str]]]:
    """Each row in as many cells as it has numbers behind the first cell; none where these are not equally many."""
    numbers = [rest.split() for _, (_, rest) in rows] if all(len(cells) == 2 for _, cells in rows) else []
    is_even = len({len(cells) for cells in numbers}) == 1 and all(map(str.isdigit, chain.from_iterable(numbers)))
    return [(where, [key, *more]) for (where, (key, _)), more in zip(rows, numbers, strict=True)] if is_even else []


def _is_key(cell: str, document: Document, find: ImageFinder) -> bool:
    return cell.isdigit() or find(cell, document.folder) is not None


def _told_delimiter(text: str) -> tuple[int, str | None]:
    """Where the table starts, and the delimiter that Excel's first line ("sep=;") tells."""
    first, _, _ = text[:20].partition("\n")
    told = first.strip().lower()
    if told.startswith("sep=") and len(told) == 5:
        return len(first) + 1, told[-1]
    return 0, None


def _delimiter(text: str) -> tuple[str, int]:
    """The one that cuts most of the first rows into equally many cells, and into the most; and into how many."""
    sample = text[:_SAMPLE_CHARACTERS]
    if len(text) > len(sample):
        sample = sample[: sample.rfind("\n") + 1] or sample
    found = {delimiter: _evenness(sample, delimiter) for delimiter in _DELIMITERS}
    best = max(found, key=lambda delimiter: found[delimiter])
    return best, found[best][1] if found[best][0] else 1


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
    """Whether the first row names the columns: if it has a known name, or else neither a number nor an image.

    A row with the file of an image is none, whatever else is in it: "train" and "test" are known names, too.
    """
    if any(is_image_name(cell) and find(cell, document.folder) is not None for cell in cells):
        return False
    if len(cells) == 1 or any(map(is_role, cells)):
        return any(map(is_role, cells))
    return not any(cell.isdigit() or find(cell, document.folder) is not None for cell in cells)


def _encoding_note(document: Document, encoding: str) -> list[Finding]:
    if encoding != "cp1252":
        return []
    text = f"{document.path} is no UTF-8 text; it is read as Windows-1252. Check the names of the classes."
    return [Finding(weight="note", text=text, files=(document.path,))]
