"""A row for each tailoring, and what rows say together."""

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from rich.table import Table

Side = Literal["before", "now"]
SIDES: tuple[Side, ...] = get_args(Side)


@dataclass(frozen=True, kw_only=True)
class Row:
    """What one tailoring gave. Accuracies are on the test split, shares 0..1, what is removed is net. The first part of
    `cpu_seconds` is `finetuning_cpu_seconds`: data, and the search for the teacher."""

    side: Side
    task: str
    preset: str
    seed: int
    cpu_seconds: float
    finetuning_cpu_seconds: float
    teacher_accuracy: float
    test_accuracy: float
    blocks_removed: int
    params_removed: float
    macs_removed: float


class Comparison:
    """The rows of one preset, as sums and means over sets and seeds."""

    def __init__(self, rows: Sequence[Row], preset: str) -> None:
        self._rows = {side: [row for row in rows if (row.side, row.preset) == (side, preset)] for side in SIDES}

    @property
    def sides(self) -> list[Side]:
        """Those that were measured."""
        return [side for side in SIDES if self._rows[side]]

    def cpu_vs_before(self) -> float:
        """All CPU time now, as a share of what it was."""
        before, now = (sum(row.cpu_seconds for row in self._rows[side]) for side in SIDES)
        return now / before

    def vs_finetuning(self, side: Side) -> float:
        """All CPU time beside that of the side's own fine-tuning with its search."""
        rows = self._rows[side]
        return sum(row.cpu_seconds for row in rows) / sum(row.finetuning_cpu_seconds for row in rows)

    def mean(self, side: Side, figure: str) -> float:
        return statistics.mean(float(getattr(row, figure)) for row in self._rows[side])


def summary(rows: Sequence[Row]) -> dict[str, Any]:
    """Figures by preset; goals are 0.5 for `cpu_vs_before`, 3 for `tailoring_vs_finetuning`, and no lower accuracy. A
    preset that was measured on one side has no figure that needs both."""
    compared = {preset: Comparison(rows, preset) for preset in dict.fromkeys(row.preset for row in rows)}

    both = {preset: c for preset, c in compared.items() if len(c.sides) == len(SIDES)}

    def by_side(figure: str) -> dict[str, dict[str, float]]:
        return {p: {side: round(c.mean(side, figure), 4) for side in c.sides} for p, c in compared.items()}

    return {
        "cpu_vs_before": {preset: round(c.cpu_vs_before(), 3) for preset, c in both.items()},
        "tailoring_vs_finetuning": {preset: round(c.vs_finetuning("now"), 3) for preset, c in compared.items()},
        "tailoring_vs_finetuning_before": {p: round(c.vs_finetuning("before"), 3) for p, c in both.items()},
        "test_accuracy": by_side("test_accuracy"),
        "teacher_accuracy": by_side("teacher_accuracy"),
        "params_removed": by_side("params_removed"),
        "macs_removed": by_side("macs_removed"),
        "rows": [asdict(row) for row in rows],
    }


def table(rows: Sequence[Row]) -> Table:
    columns = ("task", "preset", "seed", "side", "CPU s", "of it teacher", "teacher", "NetTailor", "MACs", "parameters")
    shown = Table(*columns, title="Tailoring before and now: CPU time, test accuracy (%), what was removed (net, %)")
    for row in sorted(rows, key=lambda row: (row.preset, row.task, row.seed)):
        shown.add_row(
            row.task,
            row.preset,
            str(row.seed),
            row.side,
            f"{row.cpu_seconds:.0f}",
            f"{row.finetuning_cpu_seconds:.0f}",
            f"{100 * row.teacher_accuracy:.1f}",
            f"{100 * row.test_accuracy:.1f}",
            f"{100 * row.macs_removed:.0f}",
            f"{100 * row.params_removed:.0f}",
        )
    return shown
