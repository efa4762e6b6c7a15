"""A moment as people write it, for pages."""

from datetime import UTC, datetime


def moment(at: str) -> str:
    """ISO 8601 as words, in UTC: "29 November 2026, 10:41 UTC". Raises `ValueError`."""
    when = datetime.fromisoformat(at).astimezone(UTC)
    return f"{when.day} {when:%B %Y, %H:%M} UTC"
