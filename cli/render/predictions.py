"""What `nettailor predict` prints."""

from collections.abc import Sequence
from statistics import median

from rich.table import Table

from cli.render.table import new_table, number, whole
from nettailor_client.answers.predictions import Prediction


def predictions_table(answers: Sequence[tuple[str, Prediction]], *, title: str = "Predictions") -> Table:
    """One row an image: its name, and the service's answer. A task and version that are the same of all have no column
    of their own."""
    tasks = [f"{answer.task} v{answer.version}" for _, answer in answers]
    is_one = len(set(tasks)) == 1
    table = new_table(
        f"{title}: {tasks[0]}" if is_one else title,
        *(["image", "prediction"] if is_one else ["image", "task", "prediction"]),
        *(number("prob."), whole("tier"), number("switch"), number("inference")),
    )
    for (name, answer), task in zip(answers, tasks, strict=True):
        named = [name] if is_one else [name, task]
        for best, *others in answer.predictions:
            costs = (str(answer.tier), f"{answer.switch_ms:.3f} ms", f"{answer.inference_ms:.1f} ms")
            table.add_row(*named, best.label, f"{best.probability:.3f}", *costs)
            for other in others:
                table.add_row(*([""] * len(named)), other.label, f"{other.probability:.3f}", "", "", "")
    return table


def switch_p50(answers: Sequence[Prediction]) -> float:
    """Median milliseconds of the switches."""
    return float(median(answer.switch_ms for answer in answers))
