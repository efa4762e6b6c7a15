from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.publishing import publish
from tests.up import random_backbone, running


@pytest.fixture(scope="package")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The fingerprint of a mini26 of random weights, which every service of these tests holds."""
    with random_backbone(tmp_path_factory.mktemp("weights")) as fingerprint:
        yield fingerprint


@pytest.fixture(scope="package")
def data_dir(tmp_path_factory: pytest.TempPathFactory, backbone: str) -> Path:
    """The data folder of a service with one live task, `signs`."""
    folder = tmp_path_factory.mktemp("data")
    publish(folder, "signs", backbone)
    return folder


@pytest.fixture(scope="package")
def service(data_dir: Path) -> Iterator[str]:
    """The URL of a real `nettailor up` on `data_dir`."""
    with running(data_dir) as url:
        yield url
