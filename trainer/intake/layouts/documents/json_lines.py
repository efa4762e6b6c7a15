"""JSON Lines: one value a line."""

import json
from collections.abc import Iterator
from typing import Any

from trainer.intake.layouts.tables.text import decode
from trainer.intake.upload import Document, DocumentUnreadable


def read_json_lines(document: Document) -> Iterator[tuple[str, Any]]:
    """The place of each value ("line 3") and the value. Raises DocumentUnreadable."""
    for number, line in enumerate(decode(document.read())[0].split("\n"), start=1):
        if line.strip():
            try:
                yield f"line {number}", json.loads(line)
            except (ValueError, RecursionError):
                raise DocumentUnreadable(f"line {number}: not JSON") from None
