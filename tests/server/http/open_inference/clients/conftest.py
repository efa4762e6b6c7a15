"""What the clients send, and what the native route answers to it."""

from typing import Any

import pytest

from tests.server.asking import FILES
from tests.server.running import Running


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Of the image files."""
    folder = tmp_path_factory.mktemp("files")
    found = [folder / f"{index}.png" for index in range(len(FILES))]
    for path, data in zip(found, FILES, strict=True):
        path.write_bytes(data)
    return list(map(str, found))


@pytest.fixture(scope="module")
def rankings(stocked_server: Running) -> dict[str, list[list[dict[str, Any]]]]:
    """The native route's answers to the files, by task and alias."""
    return {
        name: [
            stocked_server.client.post(f"/tasks/{name}/predict", content=file).json()["predictions"][0]
            for file in FILES
        ]
        for name in ("signs", "signs@candidate")
    }
