from datetime import UTC, datetime, timedelta

import pytest

from cli.commands.arguments.since import moment_of, seconds_of
from cli.errors import OptionUnusable

_NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("30m", _NOW - timedelta(minutes=30)),
        ("7d", _NOW - timedelta(days=7)),
        ("2026-11-28", datetime(2026, 11, 28, tzinfo=UTC)),
        ("2026-11-28T10:00+02:00", datetime(2026, 11, 28, 8, tzinfo=UTC)),
    ],
)
def test_times_as_people_say_them(text: str, moment: datetime) -> None:
    assert moment_of(text, _NOW) == moment


@pytest.mark.parametrize("text", ["", "soon", "3 days", "-1d", "999999999d", "٣d"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(OptionUnusable, match="is no time"):
        moment_of(text, _NOW)


def test_seconds() -> None:
    assert [seconds_of(text) for text in ("5s", "2h", "2w")] == [5.0, 7200.0, None]
