"""What became of one image: a line of the journal, and rows of the table."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import Any


@dataclass(frozen=True)
class Label:
    label: str
    index: int  # of the class, in the bundle's order
    probability: float


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What one version says of an image, best class first. `task` is as it was asked for, with its alias."""

    task: str
    version: int
    labels: tuple[Label, ...]


@dataclass(frozen=True, kw_only=True)
class Row:
    """Without an answer there is an `error`."""

    path: str
    task: str
    answer: Answer | None
    error: str | None


@dataclass(frozen=True, kw_only=True)
class Entry:
    """The `path` is relative to the folder, with slashes; bytes that are no UTF-8 are surrogates, as Python has them.
    There is an answer for every task, or an `error`."""

    path: str
    answers: tuple[Answer, ...] = ()
    error: str | None = None

    def line(self) -> bytes:
        """One line of ASCII, whatever the path holds."""
        document: dict[str, Any] = {"path": self.path}
        if self.error is not None:
            document["error"] = self.error
        else:
            document["answers"] = [
                [answer.task, answer.version, [astuple(label) for label in answer.labels]] for answer in self.answers
            ]
        return json.dumps(document, separators=(",", ":")).encode() + b"\n"

    @classmethod
    def of_document(cls, document: Mapping[str, Any]) -> "Entry":
        """Raises `KeyError`, `TypeError`, `ValueError` for what `line` never wrote."""
        if "error" in document:
            return cls(path=document["path"], error=document["error"])
        answers = tuple(
            Answer(task=task, version=version, labels=tuple(Label(*label) for label in labels))
            for task, version, labels in document["answers"]
        )
        return cls(path=document["path"], answers=answers)

    def rows(self, tasks: Sequence[str]) -> Iterator[Row]:
        """One for each of the tasks that were asked for, with the error of the image where it has one."""
        if self.error is not None:
            yield from (Row(path=self.path, task=task, answer=None, error=self.error) for task in tasks)
        else:
            yield from (Row(path=self.path, task=answer.task, answer=answer, error=None) for answer in self.answers)
