"""How commands answer: for people, or as one line of JSON."""

import json
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer
from rich.console import RenderableType

from cli.console import PlainConsole
from nettailor.printable import printable
from nettailor_client.answers.document import Document

AsJson = Annotated[bool, typer.Option("--json", help="Print one line of JSON.")]

Answer = Document | dict[str, Any] | Sequence[Document | dict[str, Any]]


def say(answer: Answer, text: str, *, as_json: bool) -> None:
    """A sentence, in one line whatever names are in it."""
    typer.echo(as_line(answer) if as_json else printable(text))


def show(answer: Answer, shown: Callable[[], RenderableType], *, as_json: bool) -> None:
    """A table, which is made only if it is wanted."""
    if as_json:
        typer.echo(as_line(answer))
    else:
        PlainConsole().print(shown())


def as_line(answer: Answer) -> str:
    if isinstance(answer, Document):
        return json.dumps(answer.as_json())
    if isinstance(answer, dict):
        return json.dumps(answer)
    return json.dumps([each.as_json() if isinstance(each, Document) else each for each in answer])
