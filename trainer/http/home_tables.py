"""What the trainer shows on the front page."""

from collections.abc import Mapping
from functools import partial

from hosting.access.pages.home import Anchor, Cell, Section, Table, Tasks
from trainer.http.route_declarations import READ_DATASET_REPORT, READ_LOGS
from trainer.jobs.job import Job
from trainer.jobs.store import JobStore

_MOST_JOBS = 20
_MINUTE = len("2026-01-01T00:00")
_REASON_CHARACTERS = 80


def job_table(jobs: JobStore) -> Section:
    return partial(_jobs, jobs)


def _jobs(jobs: JobStore, seen: Tasks) -> Table:
    return Table(
        title="Jobs",
        columns=("job", "task", "state", "progress", "created (UTC)", "result", "images"),
        numbers=frozenset({"progress"}),
        rows=[_row(job) for job in _latest(jobs, seen)],
        empty="No job yet.",
        note=f"At most the latest {_MOST_JOBS}. A job leads to its log.",
    )


def _latest(jobs: JobStore, seen: Tasks) -> list[Job]:
    """Newest first."""
    found = [job for task in ([None] if seen is None else sorted(seen)) for job in jobs.latest(_MOST_JOBS, task=task)]
    return sorted(found, key=lambda job: job.created_at, reverse=True)[:_MOST_JOBS]


def _row(job: Job) -> list[Cell]:
    has_report = isinstance((job.dataset or {}).get("report"), Mapping)
    return [
        Anchor(text=job.id[:8], path=READ_LOGS.path.format(job=job.id)),
        job.task,
        f"{job.state} ({job.stage})" if job.state == "running" and job.stage else job.state,
        f"{job.progress:.0%}",
        job.created_at[:_MINUTE].replace("T", " "),
        _result(job),
        Anchor(text="report on the images", path=READ_DATASET_REPORT.path.format(job=job.id)) if has_report else None,
    ]


def _result(job: Job) -> str | None:
    if job.error is not None:
        reason = str(job.error.get("detail") or job.error.get("title"))
        return reason if len(reason) <= _REASON_CHARACTERS else f"{reason[:_REASON_CHARACTERS]}..."
    version = (job.result or {}).get("version")
    return None if version is None else f"version {version}"
