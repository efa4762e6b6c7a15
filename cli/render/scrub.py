"""What `nettailor registry verify` prints."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from cli.render.table import new_table, size, whole

if TYPE_CHECKING:  # the registry is imported by the commands that need it, not by every `nettailor --help`
    from registry.maintenance.scrub import Fault, ScrubReport


def print_scrub(report: "ScrubReport", quarantined: int, console: Console) -> None:
    if report.faults:
        console.print(_faults_table(report.faults))
    console.print(
        f"{report.blobs} blobs ({size(report.blob_bytes)}) and {report.records} records of {report.versions} versions "
        f"are sound; {len(report.faults)} faults; {quarantined} blobs in quarantine",
        soft_wrap=not console.is_terminal,  # a terminal would break the line within a word
    )


def _faults_table(faults: "Iterable[Fault]") -> Table:
    table = new_table("Faults", whole("fault"), "where", "reason")
    for fault in faults:
        table.add_row(fault.kind, _where(fault), fault.reason)
    return table


def _where(fault: "Fault") -> str:
    return fault.where if fault.task is None else f"{fault.task} v{fault.version}: {fault.where}"
