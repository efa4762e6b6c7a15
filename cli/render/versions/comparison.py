"""What `nettailor registry compare` prints."""

from rich.table import Table

from cli.render.table import new_table, size
from nettailor_client.answers.comparisons import ComparedVersion, Comparison, Interval, PairedDifference


def comparison_table(found: Comparison) -> Table:
    first = found.versions[0].version
    table = new_table(
        f"{found.task} on {found.images} test images of {found.dataset}",
        *("version", "test accuracy", f"to version {first}", "gained", "lost", "parameters", "MACs", "bundle"),
        *("ms an image", "measured on"),
    )
    for version in found.versions:
        table.add_row(*_cells(version))
    table.caption = (
        f"in brackets: {found.confidence:.0%} intervals, those of differences from a paired bootstrap;\n"
        f"gained, lost: images that only this version, only version {first} answers right;\n"
        "parameters and MACs: of the whole network, what tasks share included"
    )
    return table


def _cells(version: ComparedVersion) -> list[str]:
    return [
        str(version.version),
        f"{version.accuracy:.2%} {_ends(version.interval)}",
        *_difference(version.difference),
        f"{version.params / 1e6:,.2f} M",
        f"{version.macs / 1e6:,.1f} M",
        size(version.size_bytes),
        f"{version.milliseconds:.2f}",
        version.measured_on,
    ]


def _difference(found: PairedDifference | None) -> tuple[str, str, str]:
    if found is None:
        return "", "", ""
    return f"{100 * found.accuracy:+.2f} {_ends(found.interval, sign='+')}", str(found.gained), str(found.lost)


def _ends(interval: Interval, *, sign: str = "") -> str:
    return f"[{100 * interval.low:{sign}.2f}, {100 * interval.high:{sign}.2f}]"
