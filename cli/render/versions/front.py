"""What `nettailor registry front` prints."""

from collections.abc import Sequence

from rich.console import RenderableType
from rich.text import Text

from cli.render.table import change, new_table, number, size
from nettailor.accuracy import in_words
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
            _accuracy(point["accuracy"], point.get("validated_on")),
            _accuracy(point["test_accuracy"], point.get("tested_on")),
            f"{point['cost']:.1%}",
            change(point["macs_removed"]),
            change(point["params_removed"]),
            size(point["size_bytes"]),
            ", ".join(marks),
            "" if point["version"] is None else str(point["version"]),
        )
    table.caption = (
        "k: blocks removed; in brackets: 95% intervals; cost: of the backbone, by the\n"
        "recipe's measure; MACs, params: against the whole backbone; good: within the\n"
        "target; best: nothing else is as accurate (validation) and as cheap; the test\n"
        "split was no part of the choice"
    )
    return table


def _accuracy(share: float | None, images: int | None) -> Text:
    """The interval is below, as there are two of them in a row of 80 columns."""
    return Text("" if share is None else in_words(share, images).replace(" [", "\n["))
