import asyncio
import dataclasses
import time

import pytest

from hosting.settings.settings import Settings
from hosting.web.draining import DrainingServer
from hosting.web.process import configured


@dataclasses.dataclass
class _Service:
    under_way: int = 0
    answered_by: float = 0.0
    drained: int = 0

    def drain(self) -> None:
        self.drained += 1


@pytest.fixture
def service() -> _Service:
    return _Service()


@pytest.fixture
def server(service: _Service) -> DrainingServer:
    return DrainingServer(configured(None, Settings()), service)


def _leaves(server: DrainingServer) -> bool:
    return asyncio.run(server.on_tick(1))


def test_it_stays_until_it_is_told_to_stop(server: DrainingServer, service: _Service) -> None:
    assert not _leaves(server)
    assert not service.drained


def test_what_was_accepted_is_waited_for_as_long_as_it_may_take(server: DrainingServer, service: _Service) -> None:
    service.under_way, service.answered_by = 1, time.monotonic() + 600
    server.should_exit = True
    assert not _leaves(server)
    assert not _leaves(server)
    assert service.drained == 1
    service.under_way = 0
    assert _leaves(server)


def test_nothing_is_waited_for_beyond_its_deadline_or_a_second_interrupt(
    server: DrainingServer, service: _Service
) -> None:
    service.under_way, service.answered_by = 1, time.monotonic() - 10
    server.should_exit = True
    assert _leaves(server)
    service.answered_by = time.monotonic() + 600
    assert not _leaves(server)
    server.force_exit = True
    assert _leaves(server)
