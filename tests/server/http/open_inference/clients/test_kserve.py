"""KServe's SDK, as it is, over REST."""

from typing import Any

import pytest

from tests.server.http.open_inference.clients.environment import environment, told
from tests.server.running import Running

pytestmark = pytest.mark.nightly


@pytest.fixture(scope="module")
def got(stocked_server: Running, paths: list[str]) -> dict[str, Any]:
    """What the client got, by what it asked."""
    python = environment("kserve", ["kserve==0.21.0"])
    return told(python, "kserve_script.py", str(stocked_server.client.base_url), *paths)


def check(answer: dict[str, Any], native: list[list[dict[str, Any]]], name: str) -> None:
    in_order = [sorted(labels, key=lambda label: label["index"]) for labels in native]
    shape, values = answer["outputs"]["probabilities"]
    assert (answer["model_name"], shape) == (name, [3, 5])
    assert values == pytest.approx([label["probability"] for labels in in_order for label in labels], abs=1e-6)


def test_health(got: dict[str, Any]) -> None:
    assert got["health"] == [True, True]
    assert got["model_ready"] == [True, False]


@pytest.mark.parametrize(
    ("asked", "name"), [("images", "signs"), ("alias", "signs@candidate"), ("binary_outputs", "signs")]
)
def test_files_are_answered_as_natively(got: dict[str, Any], rankings: dict[str, Any], asked: str, name: str) -> None:
    check(got[asked], rankings[name], name)


def test_labels_and_pixels(got: dict[str, Any], rankings: dict[str, Any]) -> None:
    assert got["images"]["outputs"]["label"] == [[3], [labels[0]["label"] for labels in rankings["signs"]]]
    assert got["pixels"]["outputs"]["probabilities"][0] == [1, 5]


def test_errors_show_their_text(got: dict[str, Any]) -> None:
    assert got["unknown_model"].startswith("no task 'nothing', '404 Not Found'")
    assert got["malformed"].startswith("inputs.image.shape: [0] holds no image, '400 Bad Request'")
