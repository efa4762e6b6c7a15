"""What is odd about an upload, in sentences for the person who made it."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Literal, get_args

from trainer.events import Json
from trainer.intake.archives.paths import Parts

Weight = Literal["error", "warning", "note"]

WEIGHTS: tuple[Weight, ...] = get_args(Weight)

_NAMED = 5  # files or lines that a sentence names
_FILES = 20  # paths that a finding has besides


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


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """Errors first, then warnings, then notes."""
    return sorted(findings, key=lambda finding: WEIGHTS.index(finding.weight))


def shorten(texts: list[str], most: int = _NAMED) -> list[str]:
    """The first of them, and how many more there are."""
    return texts if len(texts) <= most else [*texts[:most], f"and {len(texts) - most} more"]


def counted(count: int, one: str, many: str | None = None) -> str:
    """ "1 image", "2 images"."""
    return f"{count} {one if count == 1 else many or f'{one}s'}"


def paths_of(files: Iterable[Parts]) -> tuple[str, ...]:
    """The first of them, as a finding has them."""
    return tuple("/".join(parts) for parts in islice(files, _FILES))
