"""What a dashboard consists of, apart from Grafana: titles, queries, units."""

from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["lines", "heatmap", "number", "timeline"]

# Every query is of the instances (and tasks) that the dashboard's variables choose.
INSTANCE = 'instance=~"$instance"'
TASK = f'task=~"$task",{INSTANCE}'


@dataclass(frozen=True, kw_only=True)
class Query:
    """PromQL and what a series is called."""

    expr: str
    legend: str = ""


@dataclass(frozen=True, kw_only=True)
class Colour:
    """Shades of it, for all series whose names match a regular expression; the first that matches counts."""

    series: str
    name: Literal["green", "orange", "red"]


# What was refused is no success, and what failed is no refusal.
STATUS_COLOURS = (
    Colour(series="2..", name="green"),
    Colour(series="4..", name="orange"),
    Colour(series="5..", name="red"),
)
OUTCOME_COLOURS = (
    Colour(series="ok", name="green"),
    Colour(series=r"refused( p\d+)?", name="orange"),
    Colour(series=r"failed( p\d+)?", name="red"),
)


@dataclass(frozen=True, kw_only=True)
class Panel:
    """`unit` is Grafana's id of it; `width` is in columns of 24; `least` is where the axis begins. `logarithmic` is for
    figures of several orders of magnitude. `colours` are of series whose names match; others have Grafana's own."""

    title: str
    help: str
    queries: tuple[Query, ...]
    unit: str = "short"
    kind: Kind = "lines"
    width: int = 12
    least: float = 0
    logarithmic: bool = False
    colours: tuple[Colour, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Dashboard:
    """`variables` are those of the queries, in the order in which one narrows the next."""

    uid: str
    title: str
    help: str
    panels: tuple[Panel, ...]
    variables: tuple[Literal["device", "instance", "task"], ...] = field(default=("device", "instance", "task"))


def quantiles(
    histogram: str, labels: str, by: str = "", shares: tuple[float, ...] = (0.5, 0.95, 0.99)
) -> tuple[Query, ...]:
    """p50, p95 and p99 of a histogram's last minutes, one series each and for each value of `by`."""
    groups = "le" if not by else f"le,{by}"
    name = f"{{{{{by}}}}} " if by else ""
    buckets = f"sum by ({groups}) (rate({histogram}_bucket{{{labels}}}[$__rate_interval]))"
    return tuple(
        Query(
            expr=f"histogram_quantile({share}, {buckets})",
            legend=f"{name}p{100 * share:g}",
        )
        for share in shares
    )


def rate(counter: str, labels: str, by: str) -> Query:
    """Of a counter a second, by a label."""
    return Query(expr=f"sum by ({by}) (rate({counter}{{{labels}}}[$__rate_interval]))", legend=f"{{{{{by}}}}}")
