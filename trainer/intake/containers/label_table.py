"""The table that a container adds to its images where their labels are in it: one JSON object a line."""

import json
from collections.abc import Mapping

from trainer.intake.archives.archive import Member
from trainer.intake.containers.container import Content
from trainer.intake.upload import Document

_MOST_CHARACTERS = 300  # of a cell: a longer one is no class, and still too long for one

Cell = str | int | float | bool | None


class LabelTable:
    """Collects a row an image. The table is to be given after the images."""

    def __init__(self, document: Document) -> None:
        """``document`` is the container."""
        self._name = f"{document.parts[-1]}.jsonl"
        self._lines: list[bytes] = []

    def add(self, file: str, cells: Mapping[str, Cell]) -> None:
        """``file`` is the image's name in the container."""
        row = {**{name: _shortened(cell) for name, cell in cells.items()}, "file": file}
        self._lines.append(json.dumps(row).encode())

    def member(self) -> Member:
        data = b"\n".join(self._lines)
        return Member(parts=(self._name,), size_bytes=len(data), source=Content(name=self._name, data=data))


def _shortened(cell: Cell) -> Cell:
    return cell[:_MOST_CHARACTERS] if isinstance(cell, str) else cell
