"""`nettailor registry pull` and `push`: a version to a file, and from a file to another installation."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.commands.arguments.abbreviation import version_meant
from cli.commands.options import ClientDir, KeyOption, Url, one_line_errors, service
from cli.commands.output import AsJson, say
from cli.errors import CannotRead, CannotWrite, NotAVersionFile, OptionUnusable
from nettailor_client import Client

if TYPE_CHECKING:  # pydantic is imported by the commands that need it, not by every `nettailor --help`
    from registry.versions.version_file import VersionFile

_SHOWN_DIGITS = 12


def add_transfer(commands: typer.Typer) -> None:
    """Register the commands."""

    @commands.command()
    def pull(
        task: Annotated[str, typer.Argument(metavar="TASK", help="Name of the task.")],
        version: Annotated[
            str | None,
            typer.Argument(
                metavar="[VERSION]",
                help="Number of the version, or the beginning of its digest. Default: the live one.",
                show_default=False,
            ),
        ] = None,
        *,
        out: Annotated[Path, typer.Option(metavar="FILE", help="The file to write, a zip.", show_default=False)],
        as_json: AsJson = False,
        url: Url = None,
        data_dir: ClientDir = None,
        key: KeyOption = None,
    ) -> None:
        """Write a version to a file: bundle, report and other attachments, tags, where it comes from.

        The file is complete or not there at all. `push` takes it to another installation.
        """
        with one_line_errors(), service(url, data_dir, key) as client:
            run_pull(client, task, version, out, as_json=as_json)

    @commands.command()
    def push(
        file: Annotated[Path, typer.Argument(metavar="FILE", help="What `pull` wrote.")],
        *,
        as_json: AsJson = False,
        url: Url = None,
        data_dir: ClientDir = None,
        key: KeyOption = None,
    ) -> None:
        """Publish the version that a file holds. It gets the task's next number; no alias is moved.

        Where the bundle is a version of the task already, that version gets the file's tags, and nothing else changes.
        """
        with one_line_errors(), service(url, data_dir, key) as client:
            run_push(client, file, as_json=as_json)


def run_pull(client: Client, task: str, version: str | None, out: Path, *, as_json: bool) -> None:
    """Raises `ClientError`, `CommandError`."""
    from cli.transfer.packing import packed_version
    from nettailor.durable import write_durably
    from registry.errors import AttachmentsTooMany

    number = _live(client, task) if version is None else version_meant(client, task, version)
    try:
        packed = packed_version(client, task, number)
        write_durably(out, [packed.data])
    except OSError as failure:
        raise CannotWrite(out, failure) from failure
    except AttachmentsTooMany as refused:
        raise OptionUnusable(f"with where it comes from, {refused}") from refused
    answer = {"file": str(out), "task": task, "version": packed.version, "digest": packed.digest}
    text = f"{out}: {task} version {packed.version} ({_short(packed.digest)}) with {packed.attachments} attachments"
    say({**answer, "attachments": packed.attachments}, text, as_json=as_json)


def run_push(client: Client, path: Path, *, as_json: bool) -> None:
    """Raises `ClientError`, `CommandError`."""
    data = _read(path)
    origin = _file(path, data).origin
    made = client.publish_file(origin.task, data)
    left_out = sorted(set(origin.attachments) - set(made.attachments))
    text = (
        f"{origin.task} version {made.version} ({_short(made.digest)}) is version {origin.version} of {origin.service}"
    )
    without = f"; it was there already, without {', '.join(left_out)}" if left_out else ""
    say(made, text + without, as_json=as_json)


def _live(client: Client, task: str) -> int:
    """Raises `OptionUnusable`."""
    live: int | None = client.task(task).aliases.get("live")
    if live is None:
        raise OptionUnusable(f"no version of {task} is live; name one")
    return live


def _read(path: Path) -> bytes:
    """Raises `CannotRead`."""
    try:
        return path.read_bytes()
    except OSError as failure:
        raise CannotRead(path, failure) from failure


def _file(path: Path, data: bytes) -> "VersionFile":
    """The file, looked at before anything is sent. Raises `NotAVersionFile`."""
    from registry.errors import RegistryError
    from registry.versions.version_file import VersionFile

    try:
        return VersionFile(data)
    except RegistryError as refused:
        raise NotAVersionFile(path, str(refused)) from refused


def _short(digest: str) -> str:
    return digest.removeprefix("sha256:")[:_SHOWN_DIGITS]
