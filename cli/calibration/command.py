"""`nettailor calibrate`."""

from pathlib import Path
from typing import Annotated

import typer

from cli.commands.options import DataDir, default_dir, one_line_errors
from cli.commands.output import AsJson, as_line
from cli.commands.versions import PointAlias
from nettailor.printable import printable_lines


def add_calibration(app: typer.Typer) -> None:
    """Register the command."""

    @app.command()
    def calibrate(
        task: Annotated[str, typer.Argument(metavar="TASK", help="Name of the task.")],
        *,
        version: Annotated[
            int | None, typer.Option(min=1, help="Which version. Default: the live one.", show_default=False)
        ] = None,
        images: Annotated[
            Path | None,
            typer.Option(
                exists=True,
                file_okay=False,
                help="A folder of images like those to come, in place of what the version was tailored on. What int8 "
                "costs is not measured then.",
                show_default=False,
            ),
        ] = None,
        alias: Annotated[
            PointAlias | None,
            typer.Option(
                help="What shall name the new version; `live` only if it passes the policy.", show_default=False
            ),
        ] = None,
        as_json: AsJson = False,
        data_dir: DataDir = None,
    ) -> None:
        """Make a version that can run in int8 of one that cannot: the same weights, and the ranges of its activations.

        Versions that are tailored now have them. It says what int8 costs the version's accuracy, and measures that of
        one that has ranges if nobody has. Works on the data folder itself, with a service beside it or without one.
        """
        from cli.calibration.run import in_words, run  # torch, as above

        with one_line_errors():
            chosen = None if alias is None else alias.value
            told = run(task, version, images=images, alias=chosen, data_dir=data_dir or default_dir())
        typer.echo(as_line(told) if as_json else printable_lines(in_words(told)))
