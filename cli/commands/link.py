"""`nettailor link`: a page of the service for a browser, which sends no key."""

from typing import Annotated

import typer

from cli.commands.options import ClientDir, KeyOption, Url, one_line_errors, service
from cli.commands.output import AsJson, say

Task = Annotated[
    str | None, typer.Argument(metavar="[TASK]", help="The report on how a version of this task was made.")
]


def link(
    task: Task = None,
    *,
    version: Annotated[
        int | None, typer.Option(min=1, help="Number of the version; the live one by default.", show_default=False)
    ] = None,
    job: Annotated[
        str | None, typer.Option(metavar="JOB", help="The report on the images of this job.", show_default=False)
    ] = None,
    as_json: AsJson = False,
    url: Url = None,
    data_dir: ClientDir = None,
    key: KeyOption = None,
) -> None:
    """Print a link that opens a page of the service in a browser, which sends no key: the front page, or a report.

    It opens this page alone, for ten minutes, and shows what the key may see.
    """
    if (task is not None and job is not None) or (version is not None and task is None):
        raise typer.BadParameter("a TASK, with or without --version, or a --job")
    with one_line_errors(), service(url, data_dir, key) as client:
        made = client.link(_path(task, version, job))
        address = f"{client.url}{made.url}"
        say({**made.as_json(), "url": address}, address, as_json=as_json)


def _path(task: str | None, version: int | None, job: str | None) -> str:
    if job is not None:
        return f"/jobs/{job}/dataset/report"
    if task is None:
        return "/"
    return f"/tasks/{task}/report" if version is None else f"/tasks/{task}/versions/{version}/report"
