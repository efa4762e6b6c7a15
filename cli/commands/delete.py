"""`nettailor delete`: forget a task, or one of its versions. Options and messages, as in `cli.main`."""

import sys
from typing import Annotated

import typer

from cli.commands.arguments.abbreviation import version_meant
from cli.commands.options import ClientDir, KeyOption, Url, one_line_errors, service
from cli.commands.output import AsJson, say
from cli.errors import OptionUnusable
from nettailor.printable import printable
from nettailor_client import Client


def delete(
    task: Annotated[str, typer.Argument(metavar="TASK", help="Name of the task.")],
    *,
    version: Annotated[
        str | None,
        typer.Option(
            help="Only this version: its number, or the beginning of its digest. Not while an alias names it.",
            show_default=False,
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    reason: Annotated[str, typer.Option(help="Why; kept in the history.", show_default=False)] = "",
    as_json: AsJson = False,
    url: Url = None,
    data_dir: ClientDir = None,
    key: KeyOption = None,
) -> None:
    """Delete a task with all its versions and aliases, the live one too, or one version of it. Takes the scope admin.

    Servers stop answering for it within seconds, and its open jobs are cancelled. The history stays; what the bundles
    take is freed by `nettailor registry gc`.
    """
    with one_line_errors(), service(url, data_dir, key) as client:
        number = None if version is None else version_meant(client, task, version)
        what = _described(client, task, number)
        if not yes and not _agreed(what):
            typer.echo("nothing was deleted", err=True)
            raise typer.Exit(1)
        if number is None:
            client.delete_task(task, reason=reason)
        else:
            client.delete_version(task, number, reason=reason)
    say({"deleted": {"task": task, "version": number}}, f"deleted {what}", as_json=as_json)


def _described(client: Client, task: str, version: int | None) -> str:
    """Raises `NotFound`: nobody should be asked about what is not there."""
    if version is not None:
        client.version(task, version)
        return f"version {version} of {task}"
    count, live = len(client.versions(task)), client.task(task).aliases.get("live")
    versions = "1 version" if count == 1 else f"{count} versions"
    return f"{task} with {versions}" + ("" if live is None else f", version {live} of which is live")


def _agreed(what: str) -> bool:
    """Raises `OptionUnusable` where nobody is there to be asked."""
    if not _somebody_is_there():
        raise OptionUnusable(f"this would delete {what}: --yes does it without asking")
    return typer.confirm(printable(f"Delete {what}?"), err=True)


def _somebody_is_there() -> bool:
    return sys.stdin.isatty()
