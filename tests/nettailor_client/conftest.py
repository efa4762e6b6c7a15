from collections.abc import Iterator
from pathlib import Path

import pytest

from nettailor_client import Client
from tests.cli.publishing import publish
from tests.up import random_backbone, running


@pytest.fixture(scope="package")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with random_backbone(tmp_path_factory.mktemp("weights")) as fingerprint:
        yield fingerprint


@pytest.fixture(scope="package")
def service(tmp_path_factory: pytest.TempPathFactory, backbone: str) -> Iterator[str]:
    """The URL of a real `nettailor up` with two live tasks, `signs` and `birds`."""
    folder: Path = tmp_path_factory.mktemp("data")
    for task in ("signs", "birds"):
        publish(folder, task, backbone)
    with running(folder) as url:
        yield url


@pytest.fixture
def client(service: str) -> Iterator[Client]:
    with Client(service) as client:
        yield client
