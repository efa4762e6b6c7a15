"""What `nettailor registry front` prints."""

from collections.abc import Sequence

from rich.table import Table

from cli.render.table import new_table, size
from nettailor_client.request import Json

_MARKS = {"good": "within the target", "pareto": "best", "chosen": "chosen"}


def front_table(task: str, version: int, points: Sequence[Json]) -> Table:
    table = new_table(
        f"Front of {task} version {version}",
        *("k", "validation", "test", "cost", "MACs removed", "parameters removed", "size", "", "version"),
    )
    for point in points:
        marks = [words for name, words in _MARKS.items() if point[name]]
        table.add_row(
            str(point["k"]),
            f"{point['accuracy']:.2%}",
            "" if point["test_accuracy"] is None else f"{point['test_accuracy']:.2%}",
            f"{point['cost']:.1%}",
            f"{point['macs_removed']:.1%}",
            f"{point['params_removed']:.1%}",
            size(point["size_bytes"]),
            ", ".join(marks),
            "" if point["version"] is None else str(point["version"]),
        )
    table.caption = (
        "k: blocks removed; cost: of the backbone, by the recipe's measure; best: nothing else is as accurate\n"
        "(validation) and as cheap; the test split was no part of the choice"
    )
    if not points:
        table.caption = "this version has no front: it was not tailored here, or by an older release"
    return table
