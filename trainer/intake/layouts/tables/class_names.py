"""The names of classes that are numbers elsewhere, from whatever document lists them."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from trainer.intake.archives.paths import Parts
from trainer.intake.findings import Finding
from trainer.intake.layouts.split_words import words
from trainer.intake.layouts.tables.declared_names import DeclaredNames
from trainer.intake.layouts.tables.grid import Grid

_LISTS = frozenset(
    {
        *("classes", "labels", "names", "categories", "classnames", "labelnames", "synsets", "classlist"),
        *("batchesmeta", "finelabelnames"),  # CIFAR-10 and CIFAR-100
    }
)
_NUMBERED = (
    re.compile(r"^(?P<number>\d+)(?:\s*[:.)=])?\s+(?P<name>\S.*)$"),
    re.compile(r"^(?P<name>.*?\S)(?:\s*[:=])?\s+(?P<number>\d+)$"),
)


@dataclass(frozen=True, kw_only=True)
class ClassNames:
    """Number -> name, and the document that says so; nothing where there is none."""

    names: Mapping[str, str] = field(default_factory=dict)
    source: Parts | None = None

    @property
    def documents(self) -> frozenset[Parts]:
        return frozenset() if self.source is None else frozenset({self.source})

    @property
    def findings(self) -> list[Finding]:
        if self.source is None:
            return []
        path = "/".join(self.source)
        return [Finding(weight="note", text=f"The names of the classes are taken from {path}.", files=(path,))]


def find_names(
    labels: Collection[str],
    grids: Mapping[Parts, Grid],
    declared: Mapping[Parts, DeclaredNames],
    columns: Collection[str] = (),
) -> ClassNames:
    """Where all labels are numbers and a document names them all. ``columns`` are those that the labels stand in."""
    if not labels or not all(map(str.isdigit, labels)):
        return ClassNames()
    for parts, grid in grids.items():
        names = _pairs(grid, labels) or _list(parts, grid, labels)
        if names:
            return ClassNames(names=names, source=parts)
    for parts, features in declared.items():
        names = _declared(features, labels, columns)
        if names:
            return ClassNames(names=names, source=parts)
    return ClassNames()


def names_in_order(names: Sequence[str], labels: Collection[str], first: int = 0) -> Mapping[str, str]:
    """Number -> name where the list names each of the labels once, and words; ``first`` is the number of its first."""
    numbered = {str(number): name for number, name in enumerate(names, start=first)}
    is_sound = len(set(names)) == len(names) and all(names) and not all(map(str.isdigit, names))
    return numbered if is_sound and set(labels) <= set(numbered) else {}


def _pairs(grid: Grid, labels: Collection[str]) -> Mapping[str, str]:
    """Of two columns of which one has every label once, and the other words."""
    columns = [grid.column(index) for index in range(min(grid.width, 8))]
    keys = next((column for column in columns if set(labels) <= set(column) and len(set(column)) == len(column)), None)
    if keys is None:
        return {}
    for names in columns:
        if len(set(names)) == len(names) and all(names) and not any(map(str.isdigit, names)):
            return dict(zip(keys, names, strict=True))
    return {}


def _list(parts: Parts, grid: Grid, labels: Collection[str]) -> Mapping[str, str]:
    """Of a list of names with their numbers, or in the order of these, from 0 or from 1."""
    if grid.width != 1 or grid.columns is not None or "".join(words(parts[-1].rpartition(".")[0])) not in _LISTS:
        return {}
    lines = grid.column(0)
    return _numbered(lines, labels) or names_in_order(lines, labels, 0 if "0" in labels else 1)


def _numbered(lines: Sequence[str], labels: Collection[str]) -> Mapping[str, str]:
    """Of lines each of which has the number of its name before it, or each behind it: `1: dog`, `dog 1`."""
    for pattern in _NUMBERED:
        found = [match.groupdict() for line in lines if (match := pattern.match(line))]
        names = {each["number"]: each["name"] for each in found}
        if len(found) == len(lines) == len(set(names.values())) and set(labels) <= set(names):
            return names
    return {}


def _declared(features: DeclaredNames, labels: Collection[str], columns: Collection[str]) -> Mapping[str, str]:
    """Of the feature that is called as the labels' column is, or of the only one."""
    found = {column: names for column, lists in features.items() if (names := _agreed(lists, labels))}
    called = [names for column, names in found.items() if column in columns]
    if len(called) == 1 or len(found) == 1:
        return (called or list(found.values()))[0]
    return {}


def _agreed(lists: Collection[Sequence[str]], labels: Collection[str]) -> Mapping[str, str]:
    found = [names for each in lists if (names := names_in_order(each, labels))]
    return found[0] if len(found) == 1 else {}
