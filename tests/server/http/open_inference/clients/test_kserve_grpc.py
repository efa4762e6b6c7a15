"""KServe's SDK, as it is, over gRPC."""

from typing import Any

import pytest

from server.settings import ServerSettings
from tests.processes.ports import free_port
from tests.server.http.open_inference.clients.environment import environment, told
from tests.server.running import Running

pytestmark = pytest.mark.nightly


@pytest.fixture(scope="module")
def settings(settings: ServerSettings) -> ServerSettings:
    return settings.model_copy(update={"grpc_port": free_port()})


@pytest.fixture(scope="module")
def got(stocked_server: Running, paths: list[str]) -> dict[str, Any]:
    """What the client got, by what it asked."""
    address = f"127.0.0.1:{stocked_server.service.settings.grpc_port}"
    return told(environment("kserve", ["kserve==0.21.0"]), "kserve_grpc_script.py", address, *paths)


def test_health(got: dict[str, Any]) -> None:
    assert got["health"] == [True, True]
    assert got["model_ready"] == [True, False]


@pytest.mark.parametrize(("asked", "name"), [("images", "signs"), ("alias", "signs@candidate")])
def test_files_are_answered_as_natively(got: dict[str, Any], rankings: dict[str, Any], asked: str, name: str) -> None:
    in_order = [sorted(labels, key=lambda label: label["index"]) for labels in rankings[name]]
    shape, values = got[asked]["outputs"]["probabilities"]
    assert (got[asked]["model_name"], shape) == (name, [3, 5])
    assert values == pytest.approx([label["probability"] for labels in in_order for label in labels], abs=1e-6)
    assert got[asked]["outputs"]["label"] == [[3], [labels[0]["label"] for labels in rankings[name]]]


def test_typed_contents(got: dict[str, Any]) -> None:
    assert got["pixels"]["outputs"]["probabilities"][0] == [1, 5]


def test_errors_show_their_text(got: dict[str, Any]) -> None:
    assert "no task 'nothing'" in got["unknown_model"]
    assert "images[0]: not a readable image" in got["malformed"]
