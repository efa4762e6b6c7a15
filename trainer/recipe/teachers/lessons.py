"""What a student's step sees of a batch, kept for when another run sees the same batch.

A tailoring trains one student and then a dozen networks that come from it, all by the same teacher. They see the same
augmented views of the images in the same batches, so that stem and teacher need to run once for each; afterwards their
outputs are read from a mapped file. The file has no name: nothing of it is left, however the process ends. What does
not fit is computed again, which gives the same bits.

Legend: N images, C channels, H W.
"""

import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path

import torch
from torch import Tensor

from trainer.recipe.teacher import Targets
from trainer.training.fit import Batch
from trainer.training.pixel_store import Room

LIMIT_BYTES = 6 << 30  # of a tailoring
_SHARE_OF_FREE = 0.25  # of the disk, which others fill, too
_ALIGNED = 64  # bytes: a line of the processor's caches


@dataclass(frozen=True, kw_only=True)
class Lesson:
    """A batch as the student's blocks and its loss see it, without gradient: x_0, the stem's output
    (N, C_0, H, W), and what the teacher says."""

    stem: Tensor
    targets: Targets


Look = Callable[[], Lesson]  # computes a lesson or finds it
Teach = Callable[[Tensor], Lesson]


def joined(batches: Iterator[Batch[Look]], count: int) -> Iterator[Batch[Look]]:
    """So many batches in one; the last one may be of fewer."""
    while group := list(islice(batches, count)):
        looks, labels, _ = zip(*group, strict=True)
        own = sum(map(len, labels))
        whole = sum(len(part) / share for _, part, share in group)
        yield partial(_seen_together, looks), torch.cat(labels), own / whole


def _seen_together(looks: Sequence[Look]) -> Lesson:
    lessons = [look() for look in looks]
    if len(lessons) == 1:
        return lessons[0]
    nodes = {node: torch.cat([x.targets.nodes[node] for x in lessons]) for node in lessons[0].targets.nodes}
    logits = torch.cat([lesson.targets.logits for lesson in lessons])
    return Lesson(stem=torch.cat([lesson.stem for lesson in lessons]), targets=Targets(nodes=nodes, logits=logits))


@dataclass(eq=False)
class _Epoch:
    """How many batches were `drawn` of it, and the lessons that are kept. Where batches are joined the last of them may
    be looked at only after all were drawn, and find no room."""

    drawn: int = 0
    kept: list[Batch[Lesson]] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        return len(self.kept) == self.drawn


class LessonStore:
    """Lessons of whole epochs, in a file in the folder; `limit` is in bytes."""

    def __init__(self, folder: Path, limit: int) -> None:
        self._room = Room(folder, limit)
        self._epochs: dict[str, _Epoch] = {}

    @classmethod
    def in_folder(cls, folder: Path, *, folds: int) -> "LessonStore":
        """For one of so many folds, as far as the disk has room."""
        folder.mkdir(parents=True, exist_ok=True)
        room = min(LIMIT_BYTES, int(_SHARE_OF_FREE * shutil.disk_usage(folder).free))
        return cls(folder, room // folds)

    def share_kept(self, epochs: int, images: int) -> float:
        """For which share of so many epochs of so many images there would be room, if their lessons are as large as
        those that are kept; 0 where none are."""
        whole = [epoch.kept for epoch in self._epochs.values() if epoch.is_whole]
        kept = sum(len(labels) for batches in whole for _, labels, _ in batches)
        if not kept:
            return 0.0
        epoch_bytes = images * self._room.taken_bytes / kept
        return min(1.0, self._room.limit_bytes // epoch_bytes / epochs)

    def epoch(self, name: str, batches: Callable[[], Iterable[Batch[Tensor]]], teach: Teach) -> Iterator[Batch[Look]]:
        """The lessons of an epoch, whose batches are the same whenever it has this name."""
        known = self._epochs.get(name)
        if known is not None and known.is_whole:
            for lesson, labels, share in known.kept:
                yield partial(_itself, lesson), labels, share
            return
        new = _Epoch()
        for images, labels, share in batches():
            new.drawn += 1
            yield partial(self._taught, teach, (images, labels, share), new.kept), labels, share
        self._epochs[name] = new

    def _taught(self, teach: Teach, batch: Batch[Tensor], kept: list[Batch[Lesson]]) -> Lesson:
        images, labels, share = batch
        lesson = teach(images)
        room = self._room.take(sum(_sizes(lesson)))
        if room is not None:
            kept.append((_copied(lesson, room), labels, share))
        return lesson


def _itself(lesson: Lesson) -> Lesson:
    return lesson


def _tensors(lesson: Lesson) -> list[Tensor]:
    return [lesson.stem, lesson.targets.logits, *lesson.targets.nodes.values()]


def _sizes(lesson: Lesson) -> list[int]:
    return [-(-tensor.nbytes // _ALIGNED) * _ALIGNED for tensor in _tensors(lesson)]


def _copied(lesson: Lesson, room: Tensor) -> Lesson:
    parts = room.split(_sizes(lesson))
    stem, logits, *nodes = map(_copied_into, parts, _tensors(lesson))
    return Lesson(stem=stem, targets=Targets(nodes=dict(zip(lesson.targets.nodes, nodes, strict=True)), logits=logits))


def _copied_into(part: Tensor, tensor: Tensor) -> Tensor:
    """A copy in memory of its own, laid out alike."""
    strides = torch.empty_like(tensor, device="meta").stride()  # without gaps
    return part[: tensor.nbytes].view(tensor.dtype).as_strided(tensor.shape, strides).copy_(tensor)
