"""What a look at a dataset found, for people."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cli.render.table import new_table, number
from nettailor.printable import printable
from trainer.intake.findings import Finding, counted, in_order
from trainer.intake.inspection import Inspection
from trainer.intake.left_out import LeftOut, by_reason

_COLOURS = {"error": "red", "warning": "yellow", "note": "cyan"}
_FILES = 3  # that are named of each reason


@dataclass(frozen=True, kw_only=True)
class Length:
    """How much of each list is shown; None for all of it."""

    classes: int | None = None
    reasons: int | None = None
    findings: int | None = None


WHOLE = Length()
SHORT = Length(classes=20, reasons=5, findings=10)


def print_inspection(found: Inspection, console: Console, length: Length = WHOLE) -> None:
    """Layout, classes by split, what is left out by reason, warnings and notes. Errors are left to the line on stderr
    that the command ends with."""
    console.print(printable(_layout(found)), soft_wrap=True, highlight=False)
    if found.classes:
        console.print(_classes_table(found, length.classes))
        _print_more(len(found.classes), length.classes, "classes", console)
    if found.left_out:
        groups = by_reason(found.left_out)
        console.print(_left_out_table(groups[: length.reasons], len(found.left_out)))
        _print_more(len(groups), length.reasons, "reasons", console)
    findings = [finding for finding in in_order(found.findings) if finding.weight != "error"]
    _print_findings(findings[: length.findings], console)
    _print_more(len(findings), length.findings, "findings", console)


def _layout(found: Inspection) -> str:
    if found.layout is None:
        return "nothing was recognised that says what the images show"
    return f"read as {found.layout}, because {found.why}"


def _classes_table(found: Inspection, most: int | None) -> Table:
    title = f"{counted(len(found.classes), 'class', 'classes')}, {counted(found.images, 'image')}"
    table = new_table(title, "class", *map(number, found.splits), "such as")
    for name, counts in list(found.classes.items())[:most]:
        table.add_row(name, *(str(counts[split]) for split in found.splits), ", ".join(found.examples[name]))
    table.add_section()
    table.add_row("all", *map(str, found.splits.values()), "")
    return table


def _left_out_table(groups: Sequence[LeftOut], count: int) -> Table:
    table = new_table(f"{count} left out", number("files"), "reason", "such as")
    for group in groups:
        table.add_row(str(group.count), group.reason, ", ".join(group.files[:_FILES]))
    return table


def _print_findings(findings: Sequence[Finding], console: Console) -> None:
    for finding in findings:
        line = Text.assemble((finding.weight, _COLOURS[finding.weight]), ": ", printable(finding.text))
        console.print(line, soft_wrap=True, highlight=False)


def _print_more(count: int, most: int | None, what: str, console: Console) -> None:
    if most is not None and count > most:
        console.print(
            f"and {count - most} more {what}, which `nettailor inspect` shows", soft_wrap=True, highlight=False
        )
