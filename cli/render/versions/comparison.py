"""What `nettailor registry compare` prints."""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from cli.render.ids import short_digest
from cli.render.table import new_table, number, size
from nettailor.accuracy import MANY
from nettailor_client.answers.comparisons import ComparedVersion, Comparison, Interval, PairedDifference


def comparison_table(found: Comparison) -> RenderableType:
    """What they answer, then what they cost: side by side they need more than 80 columns."""
    return Group(_accuracies(found), Text(), _costs(found))


def _accuracies(found: Comparison) -> Table:
    first = found.versions[0].version
    heads = ("version", "test accuracy", f"to version {first}", "gained", "lost")
    title = f"{found.task} on {found.images} test images of {short_digest(found.dataset)}"
    table = new_table(title, *map(number, heads))
    decimals = 1 if found.images >= MANY else 0
    for version in found.versions:
        accuracy = f"{version.accuracy:.{decimals}%} {_ends(version.interval, decimals)}"
        table.add_row(str(version.version), accuracy, *_difference(version.difference))
    table.caption = (
        f"in brackets: {found.confidence:.0%} intervals, those of differences from a paired bootstrap;\n"
        f"gained, lost: images that only this version, only version {first} answers right"
    )
    return table


def _costs(found: Comparison) -> Table:
    heads = ("version", "parameters", "MACs", "bundle", "ms an image")
    table = new_table("", *map(number, heads), "measured on")
    for version in found.versions:
        table.add_row(*_cost(version))
    table.caption = "parameters and MACs: of the whole network, what tasks share included"
    return table


def _cost(version: ComparedVersion) -> list[str]:
    return [
        str(version.version),
        f"{version.params / 1e6:,.2f} M",
        f"{version.macs / 1e6:,.1f} M",
        size(version.size_bytes),
        f"{version.milliseconds:.2f}",
        version.measured_on,
    ]


def _difference(found: PairedDifference | None) -> tuple[str, str, str]:
    if found is None:
        return "", "", ""
    return f"{100 * found.accuracy:+.1f} {_ends(found.interval, 1, sign='+')}", str(found.gained), str(found.lost)


def _ends(interval: Interval, decimals: int, *, sign: str = "") -> str:
    return f"[{100 * interval.low:{sign}.{decimals}f}, {100 * interval.high:{sign}.{decimals}f}]"
