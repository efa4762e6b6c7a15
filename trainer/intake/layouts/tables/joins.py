"""Tables that say something together: the names of classes beside their numbers, columns for each other's rows."""

from collections.abc import Mapping
from dataclasses import replace

from trainer.intake.archives.paths import Parts
from trainer.intake.layouts.image_finder import ImageFinder
from trainer.intake.layouts.split_words import words
from trainer.intake.layouts.tables.grid import Grid, GridRow
from trainer.intake.layouts.tables.roles import Roles, find_roles, label_of

_LISTS = frozenset({"classes", "labels", "names", "categories", "classnames", "labelnames", "synsets", "classlist"})


def add_columns(grids: Mapping[Parts, Grid], find: ImageFinder, joined: set[Parts]) -> dict[Parts, Grid]:
    """The tables, those about images widened by the columns of others whose rows have the same key.

    The others are named in ``joined`` and are left out.
    """
    about = {parts: find_roles(grid, find) for parts, grid in grids.items()}
    result = dict(grids)
    for parts, roles in about.items():
        if isinstance(roles, Roles) and not roles.has_label:
            for other, no_roles in about.items():
                if isinstance(no_roles, str) and other in result and _key_column(result[parts], grids[other]):
                    result[parts] = _joined(result[parts], grids[other])
                    joined.add(other)
                    del result[other]
    return result


def _key_column(grid: Grid, other: Grid) -> str | None:
    """A column of both whose values name the rows of both."""
    if grid.columns is None or other.columns is None:
        return None
    for name in grid.columns:
        if name and grid.columns.count(name) == 1 == other.columns.count(name):
            keys, others = grid.column(grid.columns.index(name)), other.column(other.columns.index(name))
            if (
                len(set(keys)) == len(keys)
                and len(set(others)) == len(others)
                and 2 * len({*keys} & {*others}) > len(keys)
            ):
                return name
    return None


def _joined(grid: Grid, other: Grid) -> Grid:
    name = _key_column(grid, other)
    assert name is not None
    assert grid.columns is not None
    assert other.columns is not None
    at, other_at = grid.columns.index(name), other.columns.index(name)
    kept = [index for index, column in enumerate(other.columns) if column not in grid.columns]
    found = {row.cells[other_at]: tuple(row.cells[index] for index in kept) for row in other.rows}
    nothing = ("",) * len(kept)
    return replace(
        grid,
        columns=(*grid.columns, *(other.columns[index] for index in kept)),
        rows=[GridRow(where=row.where, cells=row.cells + found.get(row.cells[at], nothing)) for row in grid.rows],
    )


def names_of_classes(
    used: Mapping[Parts, tuple[Grid, Roles]], others: Mapping[Parts, Grid]
) -> tuple[Mapping[str, str], Parts | None]:
    """Number -> name where all labels are numbers and another document names them all, and that document."""
    labels = {label for grid, roles in used.values() for row in grid.rows if (label := label_of(roles, row))}
    if not labels or not all(map(str.isdigit, labels)):
        return {}, None
    for parts, grid in others.items():
        names = _pairs(grid, labels) or _list(parts, grid, labels)
        if names:
            return names, parts
    return {}, None


def _pairs(grid: Grid, labels: set[str]) -> Mapping[str, str]:
    """Of two columns of which one has every label once, and the other words."""
    columns = [grid.column(index) for index in range(min(grid.width, 8))]
    keys = next((column for column in columns if labels <= set(column) and len(set(column)) == len(column)), None)
    if keys is None:
        return {}
    for names in columns:
        if len(set(names)) == len(names) and all(names) and not any(map(str.isdigit, names)):
            return dict(zip(keys, names, strict=True))
    return {}


def _list(parts: Parts, grid: Grid, labels: set[str]) -> Mapping[str, str]:
    """Of a list of names in the order of the numbers, from 0 or from 1."""
    if grid.width != 1 or grid.columns is not None or "".join(words(parts[-1].rpartition(".")[0])) not in _LISTS:
        return {}
    first = 0 if "0" in labels else 1
    names = {str(number): row.cells[0] for number, row in enumerate(grid.rows, start=first)}
    return names if labels <= set(names) and len(set(names.values())) == len(names) else {}
