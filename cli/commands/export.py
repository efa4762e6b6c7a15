"""`nettailor export`: the network of a version as a file for other runtimes. Options and messages, as in `cli.main`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cli.commands.options import ClientDir, KeyOption, Url, one_line_errors, service
from cli.commands.output import AsJson, say
from cli.errors import CannotWrite, OptionUnusable
from nettailor_client import Client


class FileFormat(StrEnum):
    onnx = "onnx"
    openvino = "openvino"
    torchscript = "torchscript"
    pt2 = "pt2"


class FileDtype(StrEnum):
    fp32 = "fp32"
    fp16 = "fp16"


def export(
    task: Annotated[str, typer.Argument(metavar="TASK", help="Name of the task.")],
    *,
    version: Annotated[
        int | None, typer.Option(min=1, help="Number of the version. Default: the live one.", show_default=False)
    ] = None,
    format: Annotated[FileFormat, typer.Option(help="For which runtime; OpenVINO's two files come in a zip.")],
    dtype: Annotated[FileDtype, typer.Option(help="Of the weights.")] = FileDtype.fp32,
    out: Annotated[Path, typer.Option(metavar="FILE", help="The file to write.", show_default=False)],
    as_json: AsJson = False,
    url: Url = None,
    data_dir: ClientDir = None,
    key: KeyOption = None,
) -> None:
    """Write the pruned network of a version as a file that runs without NetTailor: labels and preprocessing within,
    its answers compared with the service's before it is handed out.
    """
    with one_line_errors(), service(url, data_dir, key) as client:
        found = _live(client, task) if version is None else version
        try:
            written = client.export(task, found, out, format=format.value, dtype=dtype.value)
        except OSError as failure:
            raise CannotWrite(out, failure) from failure
    agreement = 100 * written.top1_agreement
    text = f"{out}: {task} version {found}, first class as the service's for {agreement:.4g}% of 64 images"
    say({"file": str(out), "task": task, **written.as_json()}, text, as_json=as_json)


def _live(client: Client, task: str) -> int:
    """Raises `OptionUnusable`."""
    live: int | None = client.task(task).aliases.get("live")
    if live is None:
        raise OptionUnusable(f"no version of {task} is live; name one with --version")
    return live
