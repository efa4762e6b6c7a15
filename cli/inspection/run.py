"""Looking at a dataset: to print what was found, or to decide whether it is uploaded."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer
from rich.console import Console

from cli.console import PlainConsole
from cli.errors import CannotWrite, NotADataset, NotTrainable, TooLargeHere
from cli.inspection.digest import SHORT, print_inspection
from cli.inspection.look import look, look_with_page
from cli.service.packing import packed
from nettailor.printable import printable
from trainer.intake.inspection import Inspection, unreadable


def run_inspect(data: Path, group_by: str | None, *, as_json: bool, html: Path | None) -> None:
    """Raises `NotADataset`, `OptionUnusable`, `SettingsUnusable`, `CannotWrite`."""
    try:
        found = _looked_at(data, group_by, html)
    except NotADataset as error:
        if as_json:
            typer.echo(json.dumps(unreadable(_reason(data, error)).as_json()))
        raise
    if as_json:
        typer.echo(json.dumps(found.as_json()))
    else:
        print_inspection(found, PlainConsole())
    _check_trainable(data, found)


def look_before_upload(data: Path, archive: Path, group_by: str | None, console: Console, *, yes: bool) -> None:
    """Show what would be trained on, and ask whether to go on where something is odd and somebody is there to answer.

    Raises `NotADataset`; `typer.Exit` for a no. A service may allow more than the settings of this machine: what is too
    large to be looked at here is left to it.
    """
    try:
        found = look(data, archive, group_by=group_by)
    except TooLargeHere as error:
        console.print(printable(f"not looked at before the upload: {error}"), style="yellow", soft_wrap=True)
        return
    print_inspection(found, console, SHORT)
    _check_trainable(data, found)
    warnings = sum(finding.weight == "warning" for finding in found.findings)
    somebody_is_there = sys.stdin.isatty() and console.is_terminal
    if warnings and not yes and somebody_is_there and not typer.confirm(_question(warnings)):
        console.print("nothing was uploaded")
        raise typer.Exit(1)


def _looked_at(data: Path, group_by: str | None, html: Path | None) -> Inspection:
    with packed(data) as archive:
        if html is None:
            return look(data, archive, group_by=group_by)
        with _writing(html), html.open("a"):
            pass  # a long look must not end in a folder that is not there
        found, page = look_with_page(data, archive, group_by=group_by)
        with _writing(html):
            html.write_text(page)
        return found


@contextmanager
def _writing(file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CannotWrite(file, error) from error


def _reason(data: Path, fault: NotADataset) -> str:
    """What is wrong, with the name of the file where that is one inside."""
    is_inside = fault.path != data and fault.path.is_relative_to(data)
    return f"{printable(str(fault.path.relative_to(data)))}: {fault.reason}" if is_inside else fault.reason


def _check_trainable(data: Path, found: Inspection) -> None:
    if found.error is not None:
        raise NotTrainable(data, found.error)


def _question(warnings: int) -> str:
    return f"There {'is 1 warning' if warnings == 1 else f'are {warnings} warnings'}. Tailor to it all the same?"
