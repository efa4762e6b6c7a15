"""What a version answers to images with labels: how many are right, in all and by class."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from cli.batch.bar import BatchBar
from cli.batch.labelled import LabelledFolder, labelled_images
from cli.errors import NoImages, NotLiveYet
from nettailor.accuracy import CONFIDENCE, wilson_interval
from nettailor_client import Client
from trainer.intake.placement import Split


@dataclass(frozen=True, kw_only=True)
class ClassResult:
    """`mistaken` is the class that most of the wrong answers name, None where all are right."""

    label: str
    images: int
    right: int
    mistaken: str | None


@dataclass(frozen=True, kw_only=True)
class Unread:
    file: str
    error: str


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """`unread` are the files that could not be predicted, or are left out of a data set for another reason; they are
    counted nowhere else. `split` is that of the data which was measured on, None where it was all of them."""

    task: str
    version: int
    images: int
    right: int
    classes: tuple[ClassResult, ...]
    unread: tuple[Unread, ...]
    split: Split | None = None

    @classmethod
    def of(
        cls,
        task: str,
        version: int,
        answers: Sequence[tuple[str, str]],
        *,
        unread: Sequence[Unread],
        split: Split | None = None,
    ) -> "Evaluation":
        """`answers` are pairs of an image's class and what was answered."""
        return cls(
            task=task,
            version=version,
            images=len(answers),
            right=sum(label == answer for label, answer in answers),
            classes=tuple(_of_class(label, answers) for label in sorted({label for label, _ in answers})),
            unread=tuple(unread),
            split=split,
        )

    @property
    def accuracy(self) -> float:
        return self.right / self.images

    def as_json(self) -> dict[str, Any]:
        interval = wilson_interval(self.accuracy, self.images)
        return {
            "task": self.task,
            "version": self.version,
            "images": self.images,
            "right": self.right,
            "accuracy": self.accuracy,
            "confidence": CONFIDENCE,
            "interval": [interval.low, interval.high],
            "classes": [asdict(found) for found in self.classes],
            "split": self.split,
            "unread": [asdict(found) for found in self.unread],
        }


def evaluate(client: Client, task: str, data: Path, version: int | None, console: Console) -> Evaluation:
    """Ask a version of the task (the live one where it is None) about every image with a label.

    Raises `NotLiveYet`, and as `labelled_images`.
    """
    if version is None:
        version = client.task(task).aliases.get("live")
        if version is None:
            raise NotLiveYet(task)
    with labelled_images(data, client.version(task, version).manifest["classes"]) as found:
        answers, unread = _asked(client, task, version, found, console)
    unread += [Unread(file=skipped.file, error=skipped.reason) for skipped in found.left_out]
    if not answers:
        raise NoImages(data, len(unread))
    return Evaluation.of(task, version, answers, unread=unread, split=found.split)


def _asked(
    client: Client, task: str, version: int, found: LabelledFolder, console: Console
) -> tuple[list[tuple[str, str]], list[Unread]]:
    """Pairs of label and answer, and what could not be predicted."""
    answers: list[tuple[str, str]] = []
    unread: list[Unread] = []
    with BatchBar(len(found.images), 0, console) as bar:
        for row in client.predict_folder([task], found.folder, top_k=1, versions={task: version}, waiting=bar.wait):
            image = found.images[row.path]
            if row.error is None:
                answers.append((image.label, row.predictions[0].labels[0]))
            else:
                unread.append(Unread(file=image.name, error=row.error))
            bar.advance(failed=row.error is not None)
    return answers, unread


def _of_class(label: str, answers: Sequence[tuple[str, str]]) -> ClassResult:
    given = Counter(answer for true, answer in answers if true == label)
    right = given.pop(label, 0)
    mistaken = given.most_common(1)
    return ClassResult(
        label=label,
        images=right + sum(given.values()),
        right=right,
        mistaken=mistaken[0][0] if mistaken else None,
    )
