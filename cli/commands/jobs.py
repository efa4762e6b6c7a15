"""`nettailor watch`, `finish`, `cancel`, `retry` and `logs`: what can be done with one job."""

from typing import Annotated

import typer

from cli.commands.options import ClientDir, KeyOption, Url, one_line_errors, service
from cli.console import PlainConsole
from cli.render.progress import best_so_far, candidate
from nettailor.printable import printable, printable_lines

JobId = Annotated[str, typer.Argument(metavar="JOB", help="The id of a job, as `nettailor jobs` shows it.")]


def add_job_commands(app: typer.Typer) -> None:
    app.command()(watch)
    app.command()(finish)
    app.command()(cancel)
    app.command()(retry)
    app.command()(logs)


def watch(job: JobId, *, url: Url = None, data_dir: ClientDir = None, key: KeyOption = None) -> None:
    """Show the progress of a job until it is done, as `nettailor tailor` does, and what became of it.

    Ctrl-C stops watching; the job goes on. While the service is away, it is asked again, with growing pauses.
    """
    from cli.render.following import follow, telling_how_to_return
    from cli.render.report import print_result

    console = PlainConsole()
    with one_line_errors(), service(url, data_dir, key) as client:
        task = client.job(job).task
        with telling_how_to_return(job, console):
            ended = follow(client, {task: job}, console)[task]
        print_result(client, ended, console)


def finish(job: JobId, *, url: Url = None, data_dir: ClientDir = None, key: KeyOption = None) -> None:
    """Good enough: publish the best network that a job has measured so far, instead of searching on."""
    with one_line_errors(), service(url, data_dir, key) as client:
        found = client.finish(job)
        best = best_so_far(found)
        what = "the student itself, of which nothing is removed" if best is None else candidate(best)
        typer.echo(printable(f"job {job} is {found.state} and publishes the best so far: {what}"))


def cancel(job: JobId, *, url: Url = None, data_dir: ClientDir = None, key: KeyOption = None) -> None:
    """Stop a job for good, within seconds."""
    with one_line_errors(), service(url, data_dir, key) as client:
        typer.echo(printable(f"job {job} is {client.cancel(job).state}"))


def retry(job: JobId, *, url: Url = None, data_dir: ClientDir = None, key: KeyOption = None) -> None:
    """Queue a failed or cancelled job again; it goes on from its checkpoints."""
    with one_line_errors(), service(url, data_dir, key) as client:
        typer.echo(printable(f"job {job} is {client.retry(job).state}"))


def logs(
    job: JobId,
    *,
    follow: Annotated[bool, typer.Option("--follow", help="Stay, and show new lines until the job ends.")] = False,
    tail: Annotated[int | None, typer.Option(min=1, help="Only the last so many lines.", show_default=False)] = None,
    url: Url = None,
    data_dir: ClientDir = None,
    key: KeyOption = None,
) -> None:
    """Show what happened in a job: its events, and what its processes printed."""
    with one_line_errors(), service(url, data_dir, key) as client:
        for text in client.logs(job, follow=follow, tail=tail):
            typer.echo(printable_lines(text), nl=False)
