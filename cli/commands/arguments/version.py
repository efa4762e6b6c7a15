"""`nettailor --version`."""

from typing import Annotated

import typer


def _show(asked: bool) -> None:
    if asked:
        from importlib.metadata import version  # its parser of e-mail costs every other command a tenth of a second

        typer.echo(f"nettailor {version('nettailor-server')}")
        raise typer.Exit


ShowVersion = Annotated[
    bool, typer.Option("--version", callback=_show, is_eager=True, help="Show the version of NetTailor Server.")
]
