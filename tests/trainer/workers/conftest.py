"""Workers of a test."""

from collections.abc import Iterator

import pytest

from tests.trainer.workers.stopping_workers import Start, starting
from trainer.settings import Settings


@pytest.fixture
def start(settings: Settings) -> Iterator[Start]:
    """Starts workers whose job processes may stop at a place; all end with the test."""
    with starting(settings) as start_worker:
        yield start_worker
