"""`nettailor keys`: make the keys of a service."""

import json
from enum import StrEnum
from pathlib import Path

import typer
from pydantic import ValidationError

from cli.errors import KeyRejected
from hosting.access.keys import Key, add_key, new_key
from hosting.errors import KeysInvalid


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


def make(name: str, scopes: list[KeyScope], tasks: list[str], file: Path | None) -> None:
    """The secret goes to stdout, alone; everything else to stderr. Raises `KeyRejected`."""
    try:
        key, secret = new_key(name, [scope.value for scope in scopes], tasks)
        if file is not None:
            add_key(file, key)
    except ValidationError as error:
        raise KeyRejected("; ".join(f"{fault['loc'][0]}: {fault['msg']}" for fault in error.errors())) from error
    except (KeysInvalid, OSError) as error:
        raise KeyRejected(str(error)) from error
    typer.echo(secret)
    typer.echo(_notes(key, file), err=True)


def _notes(key: Key, file: Path | None) -> str:
    shown = "This is the secret of the key; it is kept nowhere and not shown again."
    if file is not None:
        return f"{shown}\n{file} now has key {key.name!r}."
    return f'{shown}\nEntry for "keys" in the file that NETTAILOR_KEYS_FILE names:\n{json.dumps(key.entry())}'
