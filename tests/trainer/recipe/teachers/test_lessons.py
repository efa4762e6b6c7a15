"""Lessons are computed once, and read afterwards as they were computed."""

import errno
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from nettailor.network.losses import Loss
from nettailor.network.student import Student
from tests.trainer.recipe.runs import Broken, fold_in
from trainer.recipe.fold import Fold
from trainer.recipe.teacher import Targets, Teacher
from trainer.recipe.teachers.lessons import Lesson, LessonStore, joined
from trainer.training import pixel_store
from trainer.training.fit import Batch
from trainer.training.schedule import Schedule

BATCHES = 3
ONE_LESSON = 3 * 4096 + 64  # bytes: logits take a whole line


class Classroom:
    """Counts what is computed."""

    def __init__(self) -> None:
        self.drawn = 0
        self.taught = 0

    def batches(self) -> Iterator[Batch[Tensor]]:
        for index in range(BATCHES):
            self.drawn += 1
            yield torch.full((2, 8, 8, 8), float(index)), torch.tensor([index, 0]), 1.0

    def teach(self, images: Tensor) -> Lesson:
        self.taught += 1
        stem = images.contiguous(memory_format=torch.channels_last)
        return Lesson(stem=stem, targets=Targets(nodes={1: stem + 1, 2: stem + 2}, logits=images[:, 0, 0, :3]))

    def attend(self, store: LessonStore, name: str = "a") -> list[tuple[Lesson, Tensor, float]]:
        return [(look(), labels, share) for look, labels, share in store.epoch(name, self.batches, self.teach)]


def test_an_epoch_is_computed_once_and_read_with_the_same_values_and_layout(tmp_path: Path) -> None:
    room, store = Classroom(), LessonStore(tmp_path, BATCHES * ONE_LESSON)
    first, second = room.attend(store), room.attend(store)
    assert (room.drawn, room.taught) == (BATCHES, BATCHES)
    for (lesson, labels, share), (again, same_labels, same_share) in zip(first, second, strict=True):
        assert torch.equal(labels, same_labels)
        assert share == same_share
        assert torch.equal(lesson.stem, again.stem)
        assert lesson.stem.stride() == again.stem.stride()
        assert torch.equal(lesson.targets.logits, again.targets.logits)
        assert all(torch.equal(x, again.targets.nodes[node]) for node, x in lesson.targets.nodes.items())
    assert list(tmp_path.iterdir()) == []


def test_many_lessons_take_few_descriptors(tmp_path: Path) -> None:
    room, store = Classroom(), LessonStore(tmp_path, 1 << 20)
    before = len(os.listdir("/proc/self/fd"))
    for name in "abcde":
        room.attend(store, name)
    assert len(os.listdir("/proc/self/fd")) <= before + 2


def test_epochs_of_other_names_are_other_epochs(tmp_path: Path) -> None:
    room, store = Classroom(), LessonStore(tmp_path, 1 << 20)
    room.attend(store, "a")
    room.attend(store, "b")
    assert room.taught == 2 * BATCHES


def test_beyond_the_limit_nothing_is_kept(tmp_path: Path) -> None:
    room, store = Classroom(), LessonStore(tmp_path, 2 * BATCHES * ONE_LESSON - 1)
    for name in ("a", "b", "a", "b"):
        room.attend(store, name)
    assert room.taught == 3 * BATCHES


@pytest.mark.parametrize("lessons", [0, 1, 2, 3])
@pytest.mark.parametrize("joint", [1, 2, 4])
def test_wherever_the_room_ends_the_same_is_seen_again(tmp_path: Path, lessons: int, joint: int) -> None:
    """The last of joined batches are looked at when all have been drawn."""
    room, store = Classroom(), LessonStore(tmp_path, lessons * ONE_LESSON)
    first, second = (
        [look().stem for look, _, _ in joined(store.epoch("a", room.batches, room.teach), joint)] for _ in range(2)
    )
    assert room.taught == (1 if lessons == BATCHES else 2) * BATCHES
    assert torch.equal(torch.cat(first), torch.cat(second))


def test_how_much_there_would_be_room_for_is_told_from_what_is_kept(tmp_path: Path) -> None:
    room, store = Classroom(), LessonStore(tmp_path, 7 * BATCHES * ONE_LESSON)
    assert store.share_kept(5, 2 * BATCHES) == 0.0
    room.attend(store)
    assert store.share_kept(5, 2 * BATCHES) == 1.0
    assert store.share_kept(14, 2 * BATCHES) == 0.5
    assert store.share_kept(5, 4 * BATCHES) == 0.6  # three epochs of twice as many images


def test_a_full_disk_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: object) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(pixel_store, "_reserve", full)
    room, store = Classroom(), LessonStore(tmp_path, 1 << 20)
    room.attend(store)
    room.attend(store)
    assert room.taught == 2 * BATCHES


def test_an_epoch_that_was_broken_off_is_not_kept(tmp_path: Path) -> None:
    room, store = Classroom(), LessonStore(tmp_path, 1 << 20)
    look, _, _ = next(store.epoch("a", room.batches, room.teach))
    look()
    assert len(room.attend(store)) == BATCHES


def test_batches_are_joined_in_order(tmp_path: Path) -> None:
    room, store = Classroom(), LessonStore(tmp_path, 0)
    single = room.attend(store)
    pair, rest = list(joined(store.epoch("a", room.batches, room.teach), 2))
    lesson = pair[0]()
    assert torch.equal(lesson.stem, torch.cat([single[0][0].stem, single[1][0].stem]))
    assert lesson.stem.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(lesson.targets.nodes[2], lesson.stem + 2)
    assert lesson.targets.logits.shape == (4, 3)
    assert (pair[1].tolist(), pair[2]) == ([0, 0, 1, 0], 1.0)
    assert torch.equal(rest[0]().stem, single[2][0].stem)


def test_the_share_of_joined_batches_is_of_all_their_images(tmp_path: Path) -> None:
    def batches() -> Iterator[Batch[Tensor]]:
        for own, whole in ((2, 4), (2, 3)):
            yield torch.zeros(own, 8, 8, 8), torch.zeros(own), own / whole

    (batch,) = joined(LessonStore(tmp_path, 0).epoch("a", batches, Classroom().teach), 2)
    assert batch[2] == pytest.approx(4 / 7)


@pytest.mark.parametrize("loss", ["logits", "local"])
def test_networks_that_read_their_lessons_end_with_the_same_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loss: Loss
) -> None:
    plain = fold_in(tmp_path / "plain" / "fold0")
    config = replace(plain.config, loss=loss)
    plain = replace(plain, config=config)
    teacher = plain.teacher(config.teacher)
    wanted = _descended(plain, teacher)
    fold = replace(fold_in(tmp_path / "kept" / "fold0"), config=config).with_lessons(1)
    runs = _counted(monkeypatch)
    found = _descended(fold, teacher)
    assert len(runs) == 2 * 3  # two views of three batches, for what three runs of two epochs see
    _assert_equal(found, wanted)


def test_a_run_that_goes_on_without_its_lessons_ends_with_the_same_bits(tmp_path: Path) -> None:
    def die(name: str, schedule: Schedule, epoch: object, model: nn.Module) -> None:
        if name == "retrain-1":
            raise Broken

    whole = fold_in(tmp_path / "whole" / "fold0").with_lessons(1)
    teacher = whole.teacher(whole.config.teacher)
    broken = fold_in(tmp_path / "broken" / "fold0", die)
    with pytest.raises(Broken):
        _descended(broken.with_lessons(1), teacher)
    again = replace(broken, on_epoch=whole.on_epoch)
    _assert_equal(_descended(again.with_lessons(1), teacher), _descended(whole, teacher))


def _descended(fold: Fold, teacher: Teacher) -> Student:
    """The student, a block removed, polished."""
    return fold.polished(fold.recovered(fold.student(teacher), teacher, blocks=1), teacher, blocks=1)


def _counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    runs: list[int] = []
    targets: Callable[..., Targets] = Teacher.targets

    def counted(teacher: Teacher, images: Tensor, *, nodes_wanted: bool) -> Targets:
        runs.append(len(images))
        return targets(teacher, images, nodes_wanted=nodes_wanted)

    monkeypatch.setattr(Teacher, "targets", counted)
    return runs


def _assert_equal(found: Student, wanted: Student) -> None:
    for (name, value), expected in zip(found.state_dict().items(), wanted.state_dict().values(), strict=True):
        assert torch.equal(value, expected), name
