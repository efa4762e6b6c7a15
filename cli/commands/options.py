"""What commands share: the options that name a service, and how they end."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from cli.console import PlainConsole
from cli.errors import CommandError, ServiceStartFailed, SettingsUnusable
from cli.service.connect import DEFAULT_URL, connected
from nettailor.printable import printable
from nettailor_client import Client, ClientError, ServiceUnreachable

DEFAULT_DIR = Path("data")

Url = Annotated[
    str | None,
    typer.Option(
        envvar="NETTAILOR_URL",
        help=f"The service to talk to. Default: the one running on ./{DEFAULT_DIR}, else {DEFAULT_URL}.",
        show_default=False,
    ),
]
KeyOption = Annotated[
    str | None,
    typer.Option(
        "--key",
        envvar="NETTAILOR_KEY",
        help="The secret of a key, for a service that asks for one; better given in the environment.",
        show_default=False,
    ),
]
DataDir = Annotated[
    Path | None,
    typer.Option(
        envvar="NETTAILOR_DATA_DIR",
        help=f"The data folder, as of `nettailor up`. Default: {DEFAULT_DIR}.",
        show_default=False,
    ),
]
ClientDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        help="Talk to the service on this data folder; if none is running, start one for the duration of the command.",
        show_default=False,
    ),
]


@contextmanager
def service(url: str | None, data_dir: Path | None, key: str | None) -> Iterator[Client]:
    """The service that `Url` and `ClientDir` name. Raises `ClientError`, `CommandError`."""
    with connected(url, data_dir, key=key, default_dir=default_dir(), notes=PlainConsole(stderr=True)) as client:
        yield client


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Turns what goes wrong into one line on stderr and exit status 1."""
    try:
        yield
    except (CommandError, ClientError) as error:
        # where the service did not start, the last lines of its log follow
        text = str(error) if isinstance(error, ServiceStartFailed) else printable("; ".join(_said(error)))
        line = Text.assemble(("error:", "red"), " ", text)
        PlainConsole(stderr=True, highlight=False).print(line, soft_wrap=True)
        raise typer.Exit(1) from error
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def _said(error: Exception) -> list[str]:
    """The error, and what to do about it."""
    away = ["start it with `nettailor up`, or name another with --url"] if isinstance(error, ServiceUnreachable) else []
    return [str(error), *away, *getattr(error, "__notes__", ())]


def default_dir() -> Path:
    """The folder of an `up` that was given no `--data-dir`. Raises `SettingsUnusable`."""
    if "NETTAILOR_CONFIG" not in os.environ:
        return Path(os.environ.get("NETTAILOR_DATA_DIR", DEFAULT_DIR))
    from hosting.errors import SettingsInvalid
    from hosting.settings.settings import Settings

    try:
        return Settings().data_dir
    except SettingsInvalid as error:
        raise SettingsUnusable(str(error)) from error
