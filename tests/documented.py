"""The tables of docs/operations.md, as tests read them."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
OPERATIONS = (ROOT / "docs/operations.md").read_text()


def documented(heading: str) -> dict[str, list[str]]:
    """The table under a heading: the name in a row's first cell, without labels -> all the row's cells."""
    section = OPERATIONS.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    rows = {}
    for line in section.splitlines():
        if found := re.match(r"\| `(\w+)", line):
            rows[found[1]] = [cell.strip() for cell in line.strip("|").split(" | ")]
    return rows
