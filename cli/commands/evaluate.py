"""`nettailor evaluate`: how accurate a version is on images with labels. Options and messages, as in `cli.main`."""

import json
from pathlib import Path
from typing import Annotated

import typer

from cli.commands.options import ClientDir, KeyOption, Url, one_line_errors, service
from cli.console import PlainConsole


def evaluate(
    task: Annotated[str, typer.Argument(metavar="TASK", help="Name of the task.")],
    data: Annotated[
        Path,
        typer.Argument(metavar="DATA", exists=True, help="Images with labels: whatever `nettailor tailor` takes."),
    ],
    *,
    version: Annotated[
        int | None, typer.Option(min=1, help="Ask this version. Default: the live one.", show_default=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one line of JSON.")] = False,
    url: Url = None,
    data_dir: ClientDir = None,
    key: KeyOption = None,
) -> None:
    """Measure a version on images with labels, which it may never have seen: accuracy with its interval, and by class.

    They are labelled as the classes of the task are called. Of data with splits of their own, it is the test split, or
    the validation split where there is no other. Nothing is kept; the images are predicted with the lowest priority.
    """
    from cli.batch.evaluation import evaluate as measured
    from cli.batch.evaluation_table import evaluation_table

    with one_line_errors(), service(url, data_dir, key) as client:
        found = measured(client, task, data, version, PlainConsole(stderr=True))
        if as_json:
            typer.echo(json.dumps(found.as_json()))
        else:
            PlainConsole().print(evaluation_table(found))
