from collections.abc import Iterator

import pytest

from tests.trainer import tiny_geometry
from tests.trainer.recipe.probed_once import probed_once


@pytest.fixture(scope="package", autouse=True)
def _tiny_geometry_is_known() -> Iterator[None]:
    with tiny_geometry.known():
        yield


@pytest.fixture(scope="package", autouse=True)
def _probes_are_fitted_once() -> Iterator[None]:
    with probed_once():
        yield
