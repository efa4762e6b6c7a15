"""Train, validation and test: stratified, seeded, and the same whatever the order of the upload."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from trainer.intake.placement import Split

_SHARES: Mapping[Split, float] = {"test": 0.2, "val": 0.15}
_SEED = "nettailor-split/1"


def cut_splits(train: Iterable[str], missing: Collection[Split]) -> dict[str, Split]:
    """Give every training image of one class (by digest) its split, cutting the ``missing`` ones from it."""
    return cut_classes({"": train}, missing).splits


@dataclass(frozen=True, kw_only=True)
class Cut:
    """Every image's split. ``torn`` are classes of which a group had to be cut apart, or that a split has none of."""

    splits: dict[str, Split]
    torn: frozenset[str] = frozenset()


def cut_classes(
    classes: Mapping[str, Iterable[str]],
    missing: Collection[Split],
    groups: Mapping[str, str] | None = None,
    *,
    may_tear: bool = True,
) -> Cut:
    """Give the training images of every class (by digest) their splits, cutting the ``missing`` ones from them.

    Images are ordered by a seeded hash of their bytes, so that those added later leave the others mostly where they
    were. Each cut takes at least one image of a class while one is left to train on. The images of a group (digest ->
    name of the group) come one after the other where the first of them would, and go to the same side: a group that
    does not fit into what a split still needs is passed over. A class of groups that are all too large gives its
    smallest one, if as many images stay to train on; else, if ``may_tear``, that class is cut as if it had no groups.
    """
    cutting = _Cutting({name: list(images) for name, images in classes.items()}, groups or {}, may_tear=may_tear)
    for split, share in _SHARES.items():
        if split in missing:
            cutting.cut(split, share)
    return cutting.result()


class _Cutting:
    """Images are taken from units, each of which is a group or a single image, and what is left is for training."""

    def __init__(self, classes: Mapping[str, list[str]], groups: Mapping[str, str], *, may_tear: bool) -> None:
        self._sizes = {name: len(images) for name, images in classes.items()}
        self._class_of = {image: name for name, images in classes.items() for image in images}
        self._may_tear = may_tear
        self._splits: dict[str, Split] = {}
        self._torn: set[str] = set()
        units: dict[str, list[str]] = defaultdict(list)
        for image in sorted(self._class_of, key=_rank):
            group = groups.get(image)
            units[f"image {image}" if group is None else f"group {group}"].append(image)
        self._units = list(units.values())
        self._units_of: dict[str, list[list[str]]] = defaultdict(list)
        for unit in self._units:
            for name in self._counts(unit):
                self._units_of[name].append(unit)
        self._reserved = dict.fromkeys(classes, 0)  # images that the splits so far wanted of a class
        self._staying = Counter(self._sizes)  # images that no split has taken

    def cut(self, split: Split, share: float) -> None:
        wanted = {name: self._wanted(name, share) for name in self._sizes}
        missing = Counter(wanted)
        for unit in self._units:
            counts = self._counts(unit)
            if counts and all(count <= missing[name] for name, count in counts.items()):
                self._take(unit, unit, split)
                missing -= counts
        for name, count in sorted(wanted.items()):
            self._reserved[name] += count
            if count and missing[name] == count:
                self._force(name, split, count)

    def result(self) -> Cut:
        rest: dict[str, Split] = dict.fromkeys((image for unit in self._units for image in unit), "train")
        return Cut(splits=rest | self._splits, torn=frozenset(self._torn))

    def _wanted(self, name: str, share: float) -> int:
        size = self._sizes[name]
        return min(max(1, round(share * size)), max(0, size - self._reserved[name] - 1))

    def _counts(self, unit: Iterable[str]) -> Counter[str]:
        return Counter(self._class_of[image] for image in unit)

    def _take(self, unit: list[str], images: Iterable[str], split: Split) -> None:
        taken = set(images)
        self._splits |= dict.fromkeys(taken, split)
        self._staying -= self._counts(taken)
        unit[:] = [image for image in unit if image not in taken]

    def _force(self, name: str, split: Split, count: int) -> None:
        """Take the smallest group of a class that has given nothing; or images whatever their groups."""
        units = [unit for unit in self._units_of[name] if self._counts(unit)[name]]
        affordable = [unit for unit in units if self._is_affordable(unit)]
        if affordable:
            smallest = min(affordable, key=len)
            self._take(smallest, smallest, split)
            return
        self._torn.add(name)
        if self._may_tear:
            images = sorted((image for unit in units for image in unit if self._class_of[image] == name), key=_rank)
            taken = set(images[:count])
            for unit in units:
                self._take(unit, taken.intersection(unit), split)

    def _is_affordable(self, unit: Iterable[str]) -> bool:
        """Whether every class in the unit keeps as many images as it gives."""
        return all(2 * count <= self._staying[name] for name, count in self._counts(unit).items())


def _rank(image: str) -> bytes:
    return hashlib.sha256(f"{_SEED}:{image}".encode()).digest()
