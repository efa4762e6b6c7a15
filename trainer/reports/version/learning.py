"""Learning curves of every run: losses above, accuracy on the validation split below."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from trainer.reports.version.figures import figure, plain, png
from trainer.training.fit import Epoch

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_KINDS = {
    "teacher": "the whole network (fine-tuning)",
    "student": "student",
    "recover": "recovery after each cut",
    "retrain": "retraining after pruning",
    "batchnorm": "batch-norm",
    "adapters": "adapters and batch-norm",
    "masks": "masks and batch-norm",
    "weights": "weights that were free",
}
_TERMS = ("classification", "complexity", "teacher", "distillation")
_SHOWN = 8  # runs named in a legend

Runs = Mapping[str, Sequence[Epoch]]


def has_curves(history: Runs) -> bool:
    """Whether there is anything to draw."""
    return any(_runs(history, kind) for kind in _KINDS)


def learning(history: Runs) -> bytes:
    """PNG with a column for each kind of run that has a curve; no axes for accuracy where none was measured. Further
    folds are not drawn: they repeat the first."""
    shown = {kind: runs for kind in _KINDS if (runs := _runs(history, kind))}
    drawn = figure(11.5, 5.2)
    grid = drawn.subplots(2, len(shown), sharex="col", squeeze=False)
    for column, (kind, runs) in enumerate(shown.items()):
        above, below = grid[0][column], grid[1][column]
        plain(above)
        plain(below)
        above.set_title(_KINDS[kind], fontsize=10)
        below.set_xlabel("epoch")
        if kind == "student" and len(runs) == 1:
            _draw_terms(above, next(iter(runs.values())))
        else:
            for name, epochs in runs.items():
                losses = [e.losses["loss"] for e in epochs]
                above.plot([e.number for e in epochs], losses, ".-", markersize=4, linewidth=1.2, label=name)
        for name, epochs in runs.items():
            measured = [e for e in epochs if e.accuracy is not None]
            accuracies = [100 * (e.accuracy or 0.0) for e in measured]
            if measured:
                below.plot([e.number for e in measured], accuracies, ".-", linewidth=1.2, label=name)
        _drop_empty(above, below)
        if above.lines and len(above.lines) <= _SHOWN:
            above.legend(fontsize=7, frameon=False, loc="upper right")
    grid[0][0].set_ylabel("training loss")
    grid[1][0].set_ylabel("validation accuracy, %")
    return png(drawn)


def _drop_empty(above: "Axes", below: "Axes") -> None:
    """Axes with nothing in them are taken away; those above then carry the numbers of the epochs."""
    if not below.lines:
        below.set_axis_off()
        above.tick_params(labelbottom=True)
        above.set_xlabel("epoch")


def _runs(history: Runs, kind: str) -> dict[str, Sequence[Epoch]]:
    """The first fold's runs of a kind, by what distinguishes them; none where each is a single epoch: a point is no
    curve."""
    found = {}
    for name, epochs in history.items():
        fold, _, run = name.rpartition("/")
        if fold in ("", "fold0") and run.partition("-")[0] == kind and epochs:
            found[run.partition("-")[2] or kind] = epochs
    return found if any(len(epochs) > 1 for epochs in found.values()) else {}


def _draw_terms(axes: "Axes", epochs: Sequence[Epoch]) -> None:
    for term in _TERMS:
        values = [epoch.losses.get(term) for epoch in epochs]
        if None not in values:
            numbers = [epoch.number for epoch in epochs]
            axes.plot(numbers, values, ".-", markersize=4, linewidth=1.2, label=term)  # type: ignore[arg-type]  # no None among them
