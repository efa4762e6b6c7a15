"""What `nettailor jobs` prints."""

from collections.abc import Sequence

from rich.table import Table

from cli.render.progress import best_so_far, candidate
from cli.render.table import minute, new_table
from cli.service.session import Json


def jobs_table(jobs: Sequence[Json]) -> Table:
    table = new_table("Jobs", "job", "task", "state", "priority", "stage", "progress", "created (UTC)", "result")
    for job in jobs:
        table.add_row(
            str(job["id"]),
            str(job["task"]),
            str(job["state"]),
            str(job.get("priority") or ""),
            str(job.get("stage") or ""),
            f"{job.get('progress') or 0:.0%}",
            minute(str(job.get("created_at") or "")),
            _outcome(job),
        )
    return table


def _outcome(job: Json) -> str:
    result, problem, best = job.get("result"), job.get("error"), best_so_far(job)
    if isinstance(problem, dict):
        return str(problem.get("detail") or problem.get("title"))
    if isinstance(result, dict) and "version" in result:
        return f"version {result['version']}"
    return "" if best is None else f"so far: {candidate(best)}"
