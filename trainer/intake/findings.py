"""What is odd about an upload, in sentences for the person who made it."""

from dataclasses import dataclass
from typing import Literal

from trainer.events import Json

Weight = Literal["error", "warning", "note"]

_NAMED = 5  # files or lines that a sentence names


@dataclass(frozen=True, kw_only=True)
class Finding:
    """An error fails the job before it trains, a warning wants to be confirmed, a note only wants to be read.

    ``text`` says what was found and, unless it is a note, what to do about it. ``files`` are paths in the upload: some
    of those that the text is about.
    """

    weight: Weight
    text: str
    files: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Json]:
        return {"weight": self.weight, "text": self.text, "files": list(self.files)}


def shorten(texts: list[str], most: int = _NAMED) -> list[str]:
    """The first of them, and how many more there are."""
    return texts if len(texts) <= most else [*texts[:most], f"and {len(texts) - most} more"]
