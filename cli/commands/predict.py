"""`nettailor predict`: what is on images, a few of them or a whole folder. Options and messages, as in `cli.main`."""

import json
from pathlib import Path
from typing import Annotated

import typer

from cli.commands.options import ClientDir, KeyOption, Url, one_line_errors, service
from cli.console import PlainConsole
from cli.errors import OptionUnusable
from nettailor.printable import printable

_SOME_FAILED = 3  # the exit status of a batch that is complete, but for images that could not be predicted


def predict(
    task: Annotated[
        str, typer.Argument(metavar="TASK", help="A task, or task@alias; for a folder several, with commas between.")
    ],
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE", exists=True, help="Image files, or one folder.")],
    *,
    top_k: Annotated[int, typer.Option(min=1, max=1000, help="How many classes to show an image.")] = 1,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the service's answers, one JSON line an image.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            dir_okay=False,
            help="Of a folder: the results, a row an image and task. A .csv, .jsonl or .parquet file.",
            show_default=False,
        ),
    ] = None,
    version: Annotated[
        int | None, typer.Option(min=1, help="Of a folder: ask this version of the task.", show_default=False)
    ] = None,
    pin: Annotated[
        bool,
        typer.Option(
            "--pin/--no-pin",
            help="Of a folder: whether the version that answers first answers for all images, whatever becomes live "
            "meanwhile.",
        ),
    ] = True,
    in_flight: Annotated[
        int, typer.Option(min=1, max=256, help="Of a folder: how many images are asked about at once.")
    ] = 4,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Of a folder: replace --out, and what was begun with other options.")
    ] = False,
    url: Url = None,
    data_dir: ClientDir = None,
    key: KeyOption = None,
) -> None:
    """Ask a task what is on images.

    Of a folder, with `--out`, all images in it and below are predicted, with the lowest priority. Stopped or killed,
    the same command goes on from where it was; the results get their name when they are complete. Exit status 3: they
    are, but some images could not be predicted, and their rows say why.
    """
    with one_line_errors():
        folders = [path for path in images if path.is_dir()]
        if not folders and out is None:
            _predict_images(task, images, top_k=top_k, as_json=as_json, url=url, data_dir=data_dir, key=key)
            return
        if len(images) > 1 or not folders or out is None or as_json:
            raise OptionUnusable("predict either images, or one folder with --out FILE and without --json")
        from cli.batch.run import Batch, run_batch

        batch = Batch(
            tasks=tuple(task.split(",")),
            folder=folders[0],
            out=out,
            version=version,
            top_k=top_k,
            pinned=pin,
            in_flight=in_flight,
            overwrite=overwrite,
        )
        with service(url, data_dir, key) as client:
            done = run_batch(client, batch, PlainConsole(stderr=True))
    failed = f", {done.failed:,} of them could not be predicted" if done.failed else ""
    typer.echo(printable(f"{out}: {done.images:,} images{failed}; {done.per_second:.1f} images/s"))
    if done.failed:
        raise typer.Exit(_SOME_FAILED)


def _predict_images(
    task: str, images: list[Path], *, top_k: int, as_json: bool, url: str | None, data_dir: Path | None, key: str | None
) -> None:
    from cli.render.predictions import predictions_table

    with service(url, data_dir, key) as client:
        answers = []
        for path in images:
            answers.append((str(path), client.predict(task, path, top_k=top_k)))
    if as_json:
        for _, answer in answers:
            typer.echo(json.dumps(answer.as_json()))
    else:
        PlainConsole().print(predictions_table(answers))
