"""The table that a container adds to its images where their labels are in it: one JSON object a line."""

import json
from collections.abc import Mapping

from trainer.intake.archives.archive import Member
from trainer.intake.containers.container import Content

_NAME = "labels.jsonl"
_MOST_CHARACTERS = 300  # of a cell: a longer one is no class, and still too long for one

Cell = str | int | float | bool | None


class LabelTable:
    """Collects a row an image. The table is to be given after the images."""

    def __init__(self) -> None:
        self._lines: list[bytes] = []

    def add(self, file: str, cells: Mapping[str, Cell]) -> None:
        """``file`` is the image's name in the container."""
        row = {"file": file, **{name: _shortened(cell) for name, cell in cells.items()}}
        self._lines.append(json.dumps(row).encode())

    def member(self) -> Member:
        data = b"\n".join(self._lines)
        return Member(parts=(_NAME,), size_bytes=len(data), source=Content(name=_NAME, data=data))


def _shortened(cell: Cell) -> Cell:
    return cell[:_MOST_CHARACTERS] if isinstance(cell, str) else cell
