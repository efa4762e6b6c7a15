"""What a version answers to images with labels: how many are right, in all and by class."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from cli.batch.bar import BatchBar
from cli.errors import NoImages, NotClassFolders, NotLiveYet
from nettailor.accuracy import CONFIDENCE, wilson_interval
from nettailor_client import Client
from nettailor_client.folders.walk import files_in


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
    """`unread` images could not be predicted and are counted nowhere else."""

    task: str
    version: int
    images: int
    right: int
    classes: tuple[ClassResult, ...]
    unread: tuple[Unread, ...]

    @classmethod
    def of(
        cls, task: str, version: int, answers: Sequence[tuple[str, str]], *, unread: Sequence[Unread]
    ) -> "Evaluation":
        """`answers` are pairs of an image's class and what was answered."""
        return cls(
            task=task,
            version=version,
            images=len(answers),
            right=sum(label == answer for label, answer in answers),
            classes=tuple(_of_class(label, answers) for label in sorted({label for label, _ in answers})),
            unread=tuple(unread),
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
            "unread": [asdict(found) for found in self.unread],
        }


def evaluate(client: Client, task: str, folder: Path, version: int | None, console: Console) -> Evaluation:
    """Ask a version of the task (the live one where it is None) about every image below the folders of its classes.

    Raises `NoImages`, `NotClassFolders`, `NotLiveYet`, `OSError`.
    """
    if version is None:
        version = client.task(task).aliases.get("live")
        if version is None:
            raise NotLiveYet(task)
    classes = client.version(task, version).manifest["classes"]
    total = _checked(folder, classes)
    answers: list[tuple[str, str]] = []
    unread: list[Unread] = []
    with BatchBar(total, 0, console) as bar:
        for found in client.predict_folder([task], folder, top_k=1, versions={task: version}, waiting=bar.wait):
            if found.error is None:
                answers.append((_class_of(found.path), found.predictions[0].labels[0]))
            else:
                unread.append(Unread(file=found.path, error=found.error))
            bar.advance(failed=found.error is not None)
    if not answers:
        raise NoImages(folder, len(unread))
    return Evaluation.of(task, version, answers, unread=unread)


def _checked(folder: Path, classes: Sequence[str]) -> int:
    """The number of images. Raises `NoImages`, `NotClassFolders`, `OSError`."""
    paths, others = [], 0
    for found in files_in(folder):
        if found.is_image:
            paths.append(found.path)
        else:
            others += 1
    if not paths:
        raise NoImages(folder, others)
    unknown = sorted({_class_of(path) for path in paths} - set(classes))
    if unknown:
        raise NotClassFolders(folder, unknown, classes)
    return len(paths)


def _class_of(path: str) -> str:
    """The first folder on the way to an image; "." where there is none."""
    folder, slash, _ = path.partition("/")
    return folder if slash else "."


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
