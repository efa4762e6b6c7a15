"""`nettailor predict`: what is on images, a few of them or a whole folder. Options and messages, as in `cli.main`."""

import json
from pathlib import Path
from typing import Annotated

import typer

from cli.commands.arguments.abbreviation import version_meant
from cli.commands.options import ClientDir, KeyOption, Url, one_line_errors, service
from cli.console import PlainConsole
from cli.errors import NoImages, OptionUnusable
from cli.service.image_files import Asked, predict_files
from nettailor.printable import printable
from nettailor_client import Client

_SOME_FAILED = 3  # the exit status of a batch that is complete, but for images that could not be predicted


def predict(
    task: Annotated[
        str,
        typer.Argument(metavar="TASK", help="A task, task@alias, or task@2 for a version; several, with --out."),
    ],
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE", help="Image files, and folders of them.")],
    *,
    top_k: Annotated[int, typer.Option(min=1, max=1000, help="How many classes to show an image.")] = 1,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="Print one line of JSON an image: its file, and the service's answer or an error."),
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            dir_okay=False,
            help="Of one folder: the results, a row an image and task. A .csv, .jsonl or .parquet file.",
            show_default=False,
        ),
    ] = None,
    version: Annotated[
        str | None,
        typer.Option(
            help="Ask this version of the task: its number, or the beginning of its digest.", show_default=False
        ),
    ] = None,
    pin: Annotated[
        bool,
        typer.Option(
            "--pin/--no-pin",
            help="With --out: whether the version that answers first answers for all images, whatever becomes live "
            "meanwhile.",
        ),
    ] = True,
    in_flight: Annotated[
        int, typer.Option(min=1, max=256, help="With --out: how many images are asked about at once.")
    ] = 4,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="With --out: replace --out, and what was begun with other options.")
    ] = False,
    url: Url = None,
    data_dir: ClientDir = None,
    key: KeyOption = None,
) -> None:
    """Ask a task what is on images, several a request.

    An image that cannot be predicted does not keep the others up. Exit status 3: some could not, and it is said why.

    With `--out`, all images in a folder and below are predicted with the lowest priority. Stopped or killed, the same
    command goes on from where it was; the results get their name when they are complete.
    """
    with one_line_errors():
        if version is not None and ("@" in task or "," in task):
            raise OptionUnusable("--version goes with one task without an alias")
        if out is None:
            with service(url, data_dir, key) as client:
                asked = Asked(task=task, version=_number(client, task, version), top_k=top_k)
                failed = _predict_images(client, asked, images, as_json=as_json)
            if failed:
                raise typer.Exit(_SOME_FAILED)
            return
        if len(images) > 1 or not images[0].is_dir() or as_json:
            raise OptionUnusable("--out goes with one folder, and without --json")
        from cli.batch.run import Batch, run_batch

        with service(url, data_dir, key) as client:
            batch = Batch(
                tasks=tuple(task.split(",")),
                folder=images[0],
                out=out,
                version=_number(client, task, version),
                top_k=top_k,
                pinned=pin,
                in_flight=in_flight,
                overwrite=overwrite,
            )
            done = run_batch(client, batch, PlainConsole(stderr=True))
    more = f", {done.failed:,} of them could not be predicted" if done.failed else ""
    typer.echo(printable(f"{out}: {done.images:,} images{more}; {done.per_second:.1f} images/s"))
    if done.failed:
        raise typer.Exit(_SOME_FAILED)


def _number(client: Client, task: str, version: str | None) -> int | None:
    return None if version is None else version_meant(client, task, version)


def _predict_images(client: Client, asked: Asked, images: list[Path], *, as_json: bool) -> int:
    """How many could not be predicted. Raises `NoImages`."""
    from cli.render.predictions import predictions_table

    answers, failed = [], 0
    for found in predict_files(client, asked, images):
        failed += found.answer is None
        if as_json:
            rest = {"error": found.error} if found.answer is None else found.answer.as_json()
            typer.echo(json.dumps({"file": found.file, **rest}))
        elif found.answer is None:
            typer.echo(printable(f"error: {found.file}: {found.error}"), err=True)
        answers += [] if found.answer is None else [(found.file, found.answer)]
    if not answers and not failed:
        raise NoImages(images[0], 0)
    if answers and not as_json:
        PlainConsole().print(predictions_table(answers))
    return failed
