"""What `nettailor jobs` prints."""

from collections.abc import Sequence

from rich.console import RenderableType
from rich.text import Text

from cli.render.following import place
from cli.render.ids import short_jobs
from cli.render.progress import best_so_far, candidate, reason
from cli.render.table import minute, new_table, number, whole, with_notes
from nettailor_client.answers.jobs import Job

_USUAL = "normal"


def jobs_table(jobs: Sequence[Job], *, is_filtered: bool = False, more: str = "") -> RenderableType:
    """Below it, why jobs failed, and the best network of those that run; `more` says how to see others."""
    if not jobs:
        return Text("no such jobs" if is_filtered else "no jobs")
    ids = short_jobs(job.id for job in jobs)
    by_priority = any(job.priority != _USUAL for job in jobs)  # a column for what mostly says nothing
    priority = ["priority"] if by_priority else []
    table = new_table(
        "Jobs",
        *(whole("job"), "task"),
        *map(whole, ["state", *priority]),
        *(number("done"), whole("created (UTC)"), whole("result")),
    )
    for job in jobs:
        table.add_row(
            ids[job.id],
            job.task,
            job.state,
            *([job.priority] if by_priority else []),
            f"{job.progress:.0%}",
            minute(job.created_at),
            _result(job),
        )
    table.caption = more
    return with_notes(table, {ids[job.id]: note for job in jobs if (note := _note(job))})


def _result(job: Job) -> str:
    """The version it published, or how far it is."""
    if job.result is not None and "version" in job.result:
        return f"version {job.result['version']}"
    return "" if job.has_ended else job.stage or ""


def _note(job: Job) -> str:
    """Why it failed, its place in the queue, or the best network so far."""
    if job.error is not None:
        return str(reason(job))
    if job.queue is not None:
        return place(job.queue)
    best = None if job.has_ended else best_so_far(job)
    return "" if best is None else f"so far: {candidate(best)}"
