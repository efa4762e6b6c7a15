"""What `nettailor jobs` prints."""

from collections.abc import Sequence

from rich.table import Table

from cli.render.progress import best_so_far, candidate, reason
from cli.render.table import minute, new_table
from nettailor_client.answers.jobs import Job


def jobs_table(jobs: Sequence[Job]) -> Table:
    table = new_table("Jobs", "job", "task", "state", "priority", "stage", "progress", "created (UTC)", "result")
    for job in jobs:
        table.add_row(
            job.id,
            job.task,
            job.state,
            job.priority,
            job.stage or "",
            f"{job.progress:.0%}",
            minute(job.created_at),
            _outcome(job),
        )
    return table


def _outcome(job: Job) -> str:
    if job.error is not None:
        return str(reason(job))
    if job.result is not None and "version" in job.result:
        return f"version {job.result['version']}"
    best = best_so_far(job)
    return "" if best is None else f"so far: {candidate(best)}"
