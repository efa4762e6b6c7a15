from collections.abc import Iterator

import pytest

from tests.trainer import tiny_geometry


@pytest.fixture(scope="package", autouse=True)
def _tiny_geometry_is_known() -> Iterator[None]:
    with tiny_geometry.known():
        yield
