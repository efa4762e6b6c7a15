"""`python -m deploy.grafana.pictures --prometheus URL --out FOLDER`: the panels' pictures for the docs, drawn from what
a Prometheus holds of the last minutes, without a Grafana."""

import argparse
import math
import re
import time
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from deploy.grafana.build import DASHBOARDS
from deploy.grafana.panels import Dashboard, Panel
from deploy.grafana.query import Prometheus, Series, filled

_UNITS = {
    "s": "seconds",
    "ops": "a second",
    "reqps": "a second",
    "percentunit": "share",
    "bytes": "bytes",
    "short": "",
}
_SHOWN = 8  # series named in a legend
_COLUMNS = 2


def draw(dashboard: Dashboard, prometheus: Prometheus, *, start: float, end: float) -> Figure:
    """Every panel of a dashboard between two moments (Unix seconds)."""
    rows = -(-len(dashboard.panels) // _COLUMNS)
    drawn = Figure(figsize=(13, 2.9 * rows), layout="constrained")
    drawn.suptitle(dashboard.title, fontsize=13)
    grid = drawn.subplots(rows, _COLUMNS, squeeze=False).flatten()
    for axes, panel in zip(grid, dashboard.panels, strict=False):
        _draw_panel(axes, panel, prometheus, start, end)
    for axes in grid[len(dashboard.panels) :]:
        axes.set_axis_off()
    return drawn


def _draw_panel(axes: Axes, panel: Panel, prometheus: Prometheus, start: float, end: float) -> None:
    axes.set_title(panel.title, fontsize=10, loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8)
    axes.set_xlim(0, end - start)
    axes.set_xlabel("seconds", fontsize=8)
    axes.set_ylabel(_UNITS[panel.unit], fontsize=8)
    step = max(1.0, (end - start) / 150)
    for query in panel.queries:
        series = prometheus.over(filled(query.expr), start=start, end=end, step_s=step)
        if panel.kind == "heatmap":
            _draw_heatmap(axes, series, start)
        elif panel.kind == "timeline":
            _draw_timeline(axes, series, start, step)
        else:
            for one in series:
                times, values = _points(one, start)
                name = _name(query.legend, one["metric"])
                axes.plot(times, values, linewidth=1.3, label=name, **_style(panel, name, len(axes.lines)))
    if axes.lines and panel.kind != "timeline":
        _set_axis(axes, panel)
        if len(axes.lines) <= _SHOWN:
            axes.legend(fontsize=7, frameon=False, loc="upper left", ncols=3)


def _set_axis(axes: Axes, panel: Panel) -> None:
    """With room above for the names."""
    if panel.logarithmic:
        axes.set_yscale("log")
        axes.set_ylim(top=axes.get_ylim()[1] * 30)
    else:
        axes.set_ylim(bottom=panel.least, top=panel.least + 1.5 * (axes.get_ylim()[1] - panel.least))


def _style(panel: Panel, name: str, before: int) -> dict[str, Any]:
    """The panel's colour, several of which differ in their dashes; else the next one of the palette."""
    colour = next((f"tab:{each.name}" for each in panel.colours if re.fullmatch(each.series, name)), None)
    return {} if colour is None else {"color": colour, "linestyle": ("-", "--", ":", "-.")[before % 4]}


def _points(series: Series, start: float) -> tuple[list[float], list[float]]:
    return [at - start for at, _ in series["values"]], [float(value) for _, value in series["values"]]


def _name(legend: str, labels: dict[str, str]) -> str:
    for label, value in labels.items():
        legend = legend.replace(f"{{{{{label}}}}}", value)
    return legend


def _draw_heatmap(axes: Axes, series: list[Series], start: float) -> None:
    """Cumulative buckets as counts between two bounds, on a logarithmic axis."""
    bounds = sorted((float(one["metric"]["le"]), _points(one, start)) for one in series)
    below: dict[float, float] = {}
    times: list[float] = []
    heights: list[float] = []
    counts: list[float] = []
    for bound, (at, values) in bounds:
        for moment, value in zip(at, values, strict=True):
            inside = value - below.get(moment, 0.0)
            if inside > 0 and math.isfinite(bound):
                times.append(moment)
                heights.append(bound)
                counts.append(inside)
            below[moment] = value
    if times:
        axes.set_yscale("log")
        marks: Any = axes.scatter(times, heights, c=counts, s=14, marker="s", cmap="viridis")
        axes.figure.colorbar(marks, ax=axes, label="switches")


def _draw_timeline(axes: Axes, series: list[Series], start: float, step: float) -> None:
    names = [next(iter(one["metric"].values()), "") for one in series]
    for row, one in enumerate(series):
        times, _ = _points(one, start)
        axes.broken_barh([(moment, step * 1.05) for moment in times], (row - 0.35, 0.7), color="#2f6db5")
    axes.set_yticks(range(len(names)), names, fontsize=7)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prometheus", default="http://127.0.0.1:9090")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=5)
    args = parser.parse_args()
    with Prometheus(args.prometheus) as prometheus:
        write_pictures(prometheus, args.out, minutes=args.minutes)


def write_pictures(prometheus: Prometheus, folder: Path, *, minutes: float) -> None:
    """All of the same last minutes, though drawing takes some time."""
    folder.mkdir(parents=True, exist_ok=True)
    end = time.time()
    for dashboard in DASHBOARDS:
        draw(dashboard, prometheus, start=end - 60 * minutes, end=end).savefig(folder / f"{dashboard.uid}.png", dpi=75)


if __name__ == "__main__":
    main()
