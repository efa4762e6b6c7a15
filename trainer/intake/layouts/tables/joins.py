"""Tables that say something together: columns for each other's rows."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from trainer.intake.archives.paths import Parts
from trainer.intake.layouts.image_finder import ImageFinder
from trainer.intake.layouts.tables.grid import Grid, GridRow
from trainer.intake.layouts.tables.roles import Roles, find_roles

_MOST_COMPARED = 1000  # pairs of tables; people have a handful


def add_columns(grids: Mapping[Parts, Grid], find: ImageFinder, joined: set[Parts]) -> dict[Parts, Grid]:
    """The tables, those about images widened by the columns of others whose rows have the same key.

    The others are named in ``joined`` and are left out.
    """
    left = _MOST_COMPARED
    about = {parts: find_roles(grid, find) for parts, grid in grids.items()}
    result = dict(grids)
    for parts, roles in about.items():
        if isinstance(roles, Roles) and not roles.has_label:
            for other, no_roles in about.items():
                if not isinstance(no_roles, str) or other not in result or not left:
                    continue
                left -= 1
                keys = _key_columns(grids[parts], grids[other])
                if keys is not None:
                    result[parts] = _joined(result[parts], grids[other], keys)
                    joined.add(other)
                    del result[other]
    return result


def _key_columns(grid: Grid, other: Grid) -> tuple[int, int] | None:
    """A column of each that has the same name, and whose values name the rows of both.

    Where neither names its columns, that is the first one of both.
    """
    names = other.columns or ()
    if grid.columns is None and other.columns is None:
        pairs = [(0, 0)] if other.width == 2 else []
    else:
        count, place = Counter(names), {name: index for index, name in enumerate(names)}
        pairs = [(index, place[name]) for index, name in enumerate(grid.columns or ()) if name and count[name] == 1]
    return next((pair for pair in pairs if _are_keys(grid.column(pair[0]), other.column(pair[1]))), None)


def _are_keys(keys: list[str], others: list[str]) -> bool:
    """Whether each value is there once, and most of the first ones are among the others."""
    distinct, other_distinct = set(keys), set(others)
    once = len(distinct) == len(keys) and len(other_distinct) == len(others)
    return once and 2 * len(distinct & other_distinct) > len(keys)


def _joined(grid: Grid, other: Grid, keys: tuple[int, int]) -> Grid:
    columns, others = _names(grid), _names(other)
    kept = [index for index, name in enumerate(others) if index != keys[1] and name not in columns]
    found = {row.cells[keys[1]]: tuple(row.cells[index] for index in kept) for row in other.rows}
    nothing = ("",) * len(kept)
    return replace(
        grid,
        columns=(*columns, *(others[index] for index in kept)),
        rows=[GridRow(where=row.where, cells=row.cells + found.get(row.cells[keys[0]], nothing)) for row in grid.rows],
    )


def _names(grid: Grid) -> tuple[str, ...]:
    """Of the columns. Those of a list without a header are called as the document is: ``train_test_split``."""
    if grid.columns is not None:
        return grid.columns
    stem = grid.document.parts[-1].rpartition(".")[0]
    return ("number", *[stem] * (grid.width - 1))
