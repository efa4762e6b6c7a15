"""Times as people say them: how long ago, or when."""

import re
from datetime import UTC, datetime, timedelta

from cli.errors import OptionUnusable

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def seconds_of(text: str) -> float | None:
    """Of a whole number and s, m, h or d; else None."""
    found = re.fullmatch(r"([0-9]{1,9})([smhd])", text)
    return None if found is None else float(int(found[1]) * _UNITS[found[2]])


def moment_of(text: str, now: datetime) -> datetime:
    """So long before now, or a date and time in ISO 8601, in UTC unless it says otherwise. Raises `OptionUnusable`."""
    try:
        if (seconds := seconds_of(text)) is not None:
            return now - timedelta(seconds=seconds)
        found = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise OptionUnusable(f"{text!r} is no time: say 30m, 24h or 7d, or a date such as 2026-11-28") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
