from dataclasses import replace

import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.trainer.tiny import tiny_task
from trainer.training.data import TaskData
from trainer.training.images import LabelledImages
from trainer.training.stratified_folds import stratified_folds


def test_folds_are_stratified_and_disjoint_from_their_training_images() -> None:
    data = tiny_task()
    pairs = stratified_folds(data, 3, seed=0)
    assert pairs[0] == (data.train, data.val)
    for train, val in pairs:
        assert len(train) + len(val) == 48
        assert torch.equal(torch.bincount(val.labels), torch.bincount(data.val.labels))
    seen = {tuple(i.flatten().tolist()) for _, val in pairs for i in val.exact()}
    assert len(seen) == 36  # three folds of twelve, none twice
    for train, val in pairs:
        assert not {i.numpy().tobytes() for i in train.exact()} & {i.numpy().tobytes() for i in val.exact()}


def grouped(train: list[tuple[int, int]], val: list[tuple[int, int]]) -> TaskData:
    """Of (class, group) for each image, each of which is a pixel of its own number."""
    labels, groups = torch.tensor(train + val).unbind(1)
    pixels = torch.arange(len(labels), dtype=torch.uint8).view(-1, 1, 1, 1).expand(-1, 3, 1, 1)
    images = LabelledImages.of(exact=pixels, wide=pixels, labels=labels)
    rows = torch.arange(len(labels)).split([len(train), len(val)])
    return replace(tiny_task(), train=images.rows(rows[0]), val=images.rows(rows[1]), groups=groups)


def test_images_of_a_group_are_on_one_side_of_every_fold() -> None:
    """20 groups of 6 images, of two classes; the own split has two of them."""
    images = [(group % 2, group) for group in range(20) for _ in range(6)]
    data = grouped(images[12:], images[:12])
    assert data.groups is not None
    held_out: list[int] = []
    for train, val in stratified_folds(data, 4, seed=0):
        assert torch.equal(torch.bincount(val.labels), torch.tensor([6, 6]))
        groups = set(data.groups[val.places].tolist())
        assert not groups & set(data.groups[train.places].tolist())
        held_out += groups
    assert len(set(held_out)) == 8  # none twice


def test_a_class_of_groups_that_are_too_large_gives_its_smallest() -> None:
    """Of class 1 one image is wanted, and the groups are of three, two and three."""
    alone = [(0, 10 + image) for image in range(6)]
    data = grouped([*alone, *[(1, 0)] * 3, *[(1, 1)] * 2, *[(1, 2)] * 3], [(0, 20), (1, 21)])
    _, val = stratified_folds(data, 2, seed=0)[1]
    assert val.labels.tolist() == [0, 1, 1]


def test_a_group_that_is_most_of_its_class_is_drawn_one_by_one() -> None:
    """As is one that the upload's own split has torn apart: there is nothing else to draw."""
    data = grouped([*[(0, 0)] * 5, *[(1, 1)] * 2, *[(1, 2)] * 2], [(0, 5), (1, 1), (1, 2)])
    _, val = stratified_folds(data, 2, seed=0)[1]
    assert val.labels.tolist() == [0, 1, 1]


@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 9)), min_size=3, max_size=40),
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 9)), min_size=1, max_size=8),
    st.integers(2, 4),
)
def test_whatever_the_groups_are_each_fold_holds_out_and_trains(
    train: list[tuple[int, int]], val: list[tuple[int, int]], folds: int
) -> None:
    train += [(label, 100 + 10 * label + image) for label in range(3) for image in range(3)]
    data = grouped(train, val)
    count = len(train) + len(val)
    for training, held_out in stratified_folds(data, folds, seed=0):
        assert len(held_out) > 0
        assert sorted(training.places.tolist() + held_out.places.tolist()) == list(range(count))
        assert set(training.labels.tolist()) == {0, 1, 2}


@given(st.integers(0, 9), st.integers(2, 5))
def test_without_groups_folds_are_as_of_groups_of_one(seed: int, folds: int) -> None:
    data = tiny_task()
    whole = data.train + data.val
    parts = torch.arange(len(whole)).split([len(data.train), len(data.val)])
    data = replace(data, train=whole.rows(parts[0]), val=whole.rows(parts[1]))
    with_groups = replace(data, groups=torch.arange(len(whole)))
    for (_, val), (_, other) in zip(
        stratified_folds(data, folds, seed), stratified_folds(with_groups, folds, seed), strict=True
    ):
        assert torch.equal(val.places, other.places)
        assert torch.equal(val.labels.bincount(), data.val.labels.bincount())
