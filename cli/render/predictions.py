"""What `nettailor predict` prints."""

from collections.abc import Iterable, Sequence
from statistics import median

from rich.table import Table

from cli.render.table import new_table, number, whole
from nettailor_client.answers.predictions import Prediction


def predictions_table(answers: Iterable[tuple[str, Prediction]], *, title: str = "Predictions") -> Table:
    """One row an image: its name, and the service's answer."""
    table = new_table(
        title,
        *("image", "task", "prediction"),
        *(number("probability"), whole("tier"), number("switch"), number("inference")),
    )
    for name, answer in answers:
        for best, *others in answer.predictions:
            table.add_row(
                name,
                f"{answer.task} v{answer.version}",
                best.label,
                f"{best.probability:.3f}",
                str(answer.tier),
                f"{answer.switch_ms:.3f} ms",
                f"{answer.inference_ms:.1f} ms",
            )
            for other in others:
                table.add_row("", "", other.label, f"{other.probability:.3f}", "", "", "")
    return table


def switch_p50(answers: Sequence[Prediction]) -> float:
    """Median milliseconds of the switches."""
    return float(median(answer.switch_ms for answer in answers))
