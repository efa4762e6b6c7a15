"""Which job a page is about."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Origin:
    """The job's id, its task, and when its upload came in (ISO 8601, UTC)."""

    job: str
    task: str
    uploaded_at: str
