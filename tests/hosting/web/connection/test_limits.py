import pytest

from hosting.settings.settings import Settings
from hosting.web.connection import limits
from hosting.web.connection.limits import backlog_within, connections_within, limits_of


@pytest.mark.parametrize("files", [64, 160, 1024, 20_000, 1 << 20])
def test_connections_leave_files_to_the_process_and_to_those_that_are_being_refused(files: int) -> None:
    connections = connections_within(files)
    backlog = backlog_within(files, connections)
    assert files // 2 <= connections < files
    assert connections >= min(files - 256, files * 3 // 4)
    # Refused ones are open through about three turns of the event loop, each of which accepts a backlog.
    assert 3 * backlog < files - connections
    assert 8 <= backlog <= 2048


def test_many_may_come_at_once_where_there_are_files_for_them() -> None:
    assert backlog_within(1024, 768) == 32
    assert backlog_within(20_000, 4096) > 1000
    assert backlog_within(20_000, connections_within(20_000)) > 500  # whatever the setting says
    assert backlog_within(1 << 20, connections_within(1 << 20)) == 2048


def test_the_limit_of_open_files_goes_before_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "open_files_limit", lambda: 160)
    assert limits_of(Settings(max_connections=1000)).connections == 80
    assert limits_of(Settings(max_connections=50)).connections == 50
