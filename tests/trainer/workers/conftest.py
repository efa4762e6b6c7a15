"""Workers of a test."""

from collections.abc import Iterator

import pytest

from tests.trainer import tiny_geometry
from tests.trainer.workers.stopping_workers import Start, starting
from trainer.settings import Settings


@pytest.fixture(scope="package", autouse=True)
def _tiny_geometry_is_known() -> Iterator[None]:
    """As to the job processes of `programs.tiny_job_process`."""
    with tiny_geometry.known():
        yield


@pytest.fixture
def start(settings: Settings) -> Iterator[Start]:
    """Starts workers whose job processes may stop at a place; all end with the test."""
    with starting(settings) as start_worker:
        yield start_worker
