"""`nettailor keys`: make, list, revoke and rotate the keys of a service, in their file."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError
from rich.console import RenderableType
from rich.text import Text

from cli.commands.arguments.abbreviation import meant
from cli.commands.options import one_line_errors
from cli.commands.output import AsJson, as_line, say, show
from cli.errors import KeyRejected
from cli.render.ids import short_digest
from cli.render.table import new_table, whole
from hosting.access.key_file import add_key, remove_key, replace_secret
from hosting.access.keys import Key, exposure_of, hash_of, new_key, new_secret, read_keys
from hosting.errors import KeysInvalid
from nettailor.printable import printable


class KeyScope(StrEnum):
    predict = "predict"
    read = "read"
    publish = "publish"
    promote = "promote"
    admin = "admin"


commands = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Keys of a service whose routes are locked by the setting NETTAILOR_KEYS_FILE.",
)

KeyFile = Annotated[
    Path, typer.Option("--file", envvar="NETTAILOR_KEYS_FILE", dir_okay=False, help="The file of keys, JSON or TOML.")
]
Which = Annotated[
    str,
    typer.Argument(metavar="KEY", help="Name of the key, or the hash of its secret; the beginning does for both."),
]


@commands.command()
def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Whose key it is: the actor that the history keeps.")],
    *,
    scope: Annotated[list[KeyScope], typer.Option(help="What it is good for; may be given several times.")],
    task: Annotated[
        list[str] | None,
        typer.Option(help="A task that it is good for; may be given several times. Default: all.", show_default=False),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(
            envvar="NETTAILOR_KEYS_FILE",
            dir_okay=False,
            help="Add it to this file, JSON or TOML. Without one the entry for it is printed.",
            show_default=False,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a key: its secret goes to stdout, once; the file keeps only the secret's hash.

    `predict`: predictions, and nothing else. `read`: these, and everything that can be looked at. `publish`: bundles,
    datasets and jobs. `promote`: aliases and rollback. `admin`: policies, deletion and, beside `promote`, force. Beyond
    that none implies another. A running service reads the file again when it changes.
    """
    with one_line_errors(), _rejecting("no key was made"):
        key, secret = new_key(name, [each.value for each in scope], task or [])
        if file is not None:
            add_key(file, key)
            _warn_where_open(file)
        _hand_out(key, secret, file, as_json=as_json)


@commands.command("list")
def list_keys(*, file: KeyFile, as_json: AsJson = False) -> None:
    """List the keys of a file, and what they are good for."""
    with one_line_errors(), _rejecting("the keys cannot be read"):
        keys = read_keys(file)
        _warn_where_open(file)
        show([key.entry() for key in keys], lambda: _table(keys), as_json=as_json)


@commands.command()
def revoke(key: Which, *, file: KeyFile, as_json: AsJson = False) -> None:
    """Take a key out of the file. A running service refuses it from its next request on."""
    with one_line_errors(), _rejecting("no key was revoked"):
        name = _name(key, file)
        remove_key(file, name)
        _warn_where_open(file)
        say({"revoked": name}, f"{file} has no key {name!r} any more", as_json=as_json)


@commands.command()
def rotate(key: Which, *, file: KeyFile, as_json: AsJson = False) -> None:
    """Give a key another secret, which goes to stdout, once. The old one is refused from the next request on."""
    with one_line_errors(), _rejecting("no key was changed"):
        secret = new_secret()
        changed = replace_secret(file, _name(key, file), hash_of(secret))
        _warn_where_open(file)
        _hand_out(changed, secret, file, as_json=as_json)


def _hand_out(key: Key, secret: str, file: Path | None, *, as_json: bool) -> None:
    """The secret goes to stdout, alone; everything else to stderr."""
    if as_json:
        typer.echo(as_line({"secret": secret, "entry": key.entry()}))
        return
    typer.echo(secret)
    typer.echo("This is the secret of the key; it is kept nowhere and not shown again.", err=True)
    if file is not None:
        typer.echo(f"{file} now has key {key.name!r}.", err=True)
    else:
        typer.echo('Entry for "keys" in the file that NETTAILOR_KEYS_FILE names:', err=True)
        typer.echo(as_line(dict(key.entry())), err=True)


def _warn_where_open(file: Path) -> None:
    """A file that was there keeps its permissions, for a container may have to read it."""
    if (exposure := exposure_of(file)) is not None:
        typer.echo(printable(f"warning: {exposure.words}; close it: chmod 640 {file}"), err=True)


def _name(text: str, file: Path) -> str:
    """Raises `NothingNamed`, `Ambiguous`, `KeysInvalid`."""
    keys = read_keys(file)
    names = {key.name: key.name for key in keys} | {key.sha256: key.name for key in keys}
    return names[meant("key", text, names)]


def _table(keys: Sequence[Key]) -> RenderableType:
    if not keys:
        return Text("no keys: `nettailor keys new` makes one")
    table = new_table("Keys", "name", whole("hash"), "scopes", "tasks")
    for key in keys:
        tasks = "all" if key.tasks is None else ", ".join(sorted(key.tasks))
        table.add_row(key.name, short_digest(key.sha256), ", ".join(sorted(key.scopes)), tasks)
    return table


@contextmanager
def _rejecting(what: str) -> Iterator[None]:
    """Raises `KeyRejected`."""
    try:
        yield
    except ValidationError as error:
        reason = "; ".join(f"{fault['loc'][0]}: {fault['msg']}" for fault in error.errors())
        raise KeyRejected(what, reason) from error
    except (KeysInvalid, OSError) as error:
        raise KeyRejected(what, str(error)) from error
