"""Folds of a data set: other images held out of training than those of its own validation split.

Legend: N images.
"""

from collections import Counter, defaultdict

import torch

from trainer.training.data import TaskData
from trainer.training.images import LabelledImages


def stratified_folds(data: TaskData, folds: int, seed: int) -> list[tuple[LabelledImages, LabelledImages]]:
    """(train, val) of each fold over train and val together; fold 0 is the dataset's own split.

    Each further fold's val has as many images a class as the own split's, drawn without replacement from what no
    earlier fold has used (then again from the start). The images of a group are drawn together: a group that does not
    fit is passed over, and a class of which none fits gives its smallest one; so there may be more of a class or fewer.
    Images of more than half of a class, or of a group that the own split has torn apart, are drawn one by one.
    """
    whole = data.train + data.val
    order = torch.randperm(len(data.train), generator=torch.Generator().manual_seed(seed))
    queue = _units(data, order.tolist())
    pairs = [(data.train, data.val)]
    for _ in range(1, folds):
        drawn = _drawn(queue, data)
        rows = torch.tensor([row for unit in drawn for row in unit], dtype=torch.int64)
        held_out = rows[data.train.labels[rows].argsort(stable=True)]
        rest = torch.ones(len(whole), dtype=torch.bool).index_fill(0, held_out, False)
        pairs.append((whole.rows(rest.nonzero()[:, 0]), whole.rows(held_out)))
        taken = set(drawn)
        queue = [unit for unit in queue if unit not in taken] + drawn
    return pairs


_Unit = tuple[int, ...]  # rows of the training images: of a group, or a single one


def _units(data: TaskData, order: list[int]) -> list[_Unit]:
    """In the order of their first images."""
    if data.groups is None:
        return [(row,) for row in order]
    groups, torn = data.groups[data.train.places].tolist(), set(data.groups[data.val.places].tolist())
    members: dict[int, list[int]] = defaultdict(list)
    for row in order:
        members[groups[row]].append(row)
    labels = data.train.labels.tolist()
    sizes = Counter(labels)
    units: list[_Unit] = []
    for group, rows in members.items():
        is_large = any(2 * count > sizes[label] for label, count in Counter(labels[row] for row in rows).items())
        units.extend([(row,) for row in rows] if group in torn or is_large else [tuple(rows)])
    return units


def _drawn(queue: list[_Unit], data: TaskData) -> list[_Unit]:
    labels, wanted = data.train.labels.tolist(), Counter(data.val.labels.tolist())
    counts = {unit: Counter(labels[row] for row in unit) for unit in queue}
    missing, drawn = Counter(wanted), []
    for unit in queue:
        if all(count <= missing[label] for label, count in counts[unit].items()):
            drawn.append(unit)
            missing -= counts[unit]
    smallest: dict[int, _Unit] = {}  # by class
    for unit in sorted(queue, key=len):
        for label in counts[unit]:
            smallest.setdefault(label, unit)
    have = {label for unit in drawn for label in counts[unit]}
    for label in sorted(wanted.keys() & smallest.keys()):
        if label not in have:
            drawn.append(smallest[label])
            have |= counts[smallest[label]].keys()
    return drawn
