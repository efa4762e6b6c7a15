"""`nettailor jobs`, `watch`, `finish`, `cancel`, `retry` and `logs`: what is tailored, what one can do with a job."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from enum import StrEnum
from itertools import islice, takewhile
from typing import Annotated

import typer

from cli.commands.arguments.since import moment_of
from cli.commands.options import ClientDir, KeyOption, Url, one_line_errors, service
from cli.commands.output import AsJson, as_line, say, show
from cli.console import PlainConsole
from cli.render.progress import best_so_far, candidate
from nettailor.printable import printable_lines
from nettailor_client import Client
from nettailor_client.answers.jobs import Job, State

JobId = Annotated[
    str, typer.Argument(metavar="JOB", help="The id of a job, as `nettailor jobs` shows it, or its beginning.")
]

_PAGE = 200  # jobs a request


class JobState(StrEnum):
    queued = "queued"
    running = "running"
    succeeded = "succeeded"
    failed = "failed"
    cancelled = "cancelled"


def add_job_commands(app: typer.Typer) -> None:
    for command in (jobs, watch, finish, cancel, retry, logs):
        app.command()(command)


def jobs(
    *,
    task: Annotated[str | None, typer.Option(help="Only those of this task.", show_default=False)] = None,
    state: Annotated[JobState | None, typer.Option(help="Only those in this state.", show_default=False)] = None,
    since: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Only those begun since then: 30m, 24h or 7d ago, or a date and time (UTC).",
            show_default=False,
        ),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the newest.")] = 50,
    as_json: AsJson = False,
    url: Url = None,
    data_dir: ClientDir = None,
    key: KeyOption = None,
) -> None:
    """List the tailoring jobs, newest first, and how they are going."""
    from cli.render.jobs import jobs_table

    with one_line_errors(), service(url, data_dir, key) as client:
        begin = None if since is None else moment_of(since, datetime.now(UTC))
        found = list(islice(_latest(client, task, None if state is None else state.value, begin, limit + 1), limit + 1))
        is_filtered = task is not None or state is not None or since is not None
        page = found[:limit]
        more = f"there are older ones: --limit {2 * limit} shows more" if len(found) > limit else ""
        show(page, lambda: jobs_table(page, is_filtered=is_filtered, more=more), as_json=as_json)


def _latest(client: Client, task: str | None, state: State | None, since: datetime | None, limit: int) -> Iterator[Job]:
    """Newest first; for as long as one goes on, those before."""
    page, last = min(limit, _PAGE), None
    while True:
        found = client.jobs(task=task, state=state, before=last, limit=page)
        yield from takewhile(lambda job: since is None or datetime.fromisoformat(job.created_at) >= since, found)
        if len(found) < page or (since is not None and datetime.fromisoformat(found[-1].created_at) < since):
            return
        last = found[-1].id


def watch(
    job: JobId, *, as_json: AsJson = False, url: Url = None, data_dir: ClientDir = None, key: KeyOption = None
) -> None:
    """Show the progress of a job until it is done, as `nettailor tailor` does, and what became of it.

    Ctrl-C stops watching; the job goes on. While the service is away, it is asked again, with growing pauses.
    """
    from cli.render.following import follow, telling_how_to_return
    from cli.render.report import print_result

    console = PlainConsole(stderr=as_json)
    with one_line_errors(), service(url, data_dir, key) as client:
        task = client.job(job).task
        with telling_how_to_return(job, console):
            ended = follow(client, {task: job}, console)[task]
        print_result(client, ended, console)
    if as_json:
        typer.echo(as_line(ended))


def finish(
    job: JobId, *, as_json: AsJson = False, url: Url = None, data_dir: ClientDir = None, key: KeyOption = None
) -> None:
    """Good enough: publish the best network that a job has measured so far, instead of searching on."""
    with one_line_errors(), service(url, data_dir, key) as client:
        found = client.finish(job)
        best = best_so_far(found)
        what = "the student itself, of which nothing is removed" if best is None else candidate(best)
        say(found, f"job {job} is {found.state} and publishes the best so far: {what}", as_json=as_json)


def cancel(
    job: JobId, *, as_json: AsJson = False, url: Url = None, data_dir: ClientDir = None, key: KeyOption = None
) -> None:
    """Stop a job for good, within seconds."""
    with one_line_errors(), service(url, data_dir, key) as client:
        found = client.cancel(job)
        say(found, f"job {job} is {found.state}", as_json=as_json)


def retry(
    job: JobId, *, as_json: AsJson = False, url: Url = None, data_dir: ClientDir = None, key: KeyOption = None
) -> None:
    """Queue a failed or cancelled job again; it goes on from its checkpoints."""
    with one_line_errors(), service(url, data_dir, key) as client:
        found = client.retry(job)
        say(found, f"job {job} is {found.state}", as_json=as_json)


def logs(
    job: JobId,
    *,
    follow: Annotated[bool, typer.Option("--follow", help="Stay, and show new lines until the job ends.")] = False,
    tail: Annotated[int | None, typer.Option(min=1, help="Only the last so many lines.", show_default=False)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print each line as JSON.")] = False,
    url: Url = None,
    data_dir: ClientDir = None,
    key: KeyOption = None,
) -> None:
    """Show what happened in a job: its events, and what its processes printed."""
    with one_line_errors(), service(url, data_dir, key) as client:
        told = client.logs(job, follow=follow, tail=tail)
        if as_json:
            for line in _lines(told):
                typer.echo(json.dumps({"line": line}))
        else:
            for text in told:
                typer.echo(printable_lines(text), nl=False)


def _lines(pieces: Iterator[str]) -> Iterator[str]:
    """Without their ends, from pieces that end anywhere."""
    rest = ""
    for piece in pieces:
        *lines, rest = (rest + piece).split("\n")
        yield from lines
    if rest:
        yield rest
