"""What `nettailor registry front` prints."""

from collections.abc import Sequence

from rich.console import RenderableType
from rich.text import Text

from cli.render.table import change, new_table, number, size
from nettailor.accuracy import in_words, shortly
from nettailor_client.request import Json

_MARKS = {"good": "good", "pareto": "best", "chosen": "chosen"}
_FIGURES = ("k", "validation", "test", "cost", "MACs", "params", "size")
_NONE = "this version has no front: it was not tailored here, or by an older release"


def front_table(task: str, version: int, points: Sequence[Json]) -> RenderableType:
    if not points:
        return Text(_NONE)
    table = new_table(f"Front of {task} version {version}", *map(number, _FIGURES), "", number("version"))
    for point in points:
        marks = [words for name, words in _MARKS.items() if point[name]]
        table.add_row(
            str(point["k"]),
            shortly(point["accuracy"], point.get("validated_on")),
            "" if point["test_accuracy"] is None else in_words(point["test_accuracy"], point.get("tested_on")),
            f"{point['cost']:.1%}",
            change(point["macs_removed"]),
            change(point["params_removed"]),
            size(point["size_bytes"]),
            ", ".join(marks),
            "" if point["version"] is None else str(point["version"]),
        )
    table.caption = (
        "k: blocks removed; test: [95% interval]; cost: of the backbone, by the recipe's\n"
        "measure; MACs, params: against the whole backbone; good: within the target;\n"
        "best: nothing else is as accurate (validation) and as cheap; the test split was\n"
        "no part of the choice"
    )
    return table
