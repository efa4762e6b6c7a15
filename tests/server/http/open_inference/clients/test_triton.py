"""NVIDIA's tritonclient, as it is, over HTTP: blocking, greenlets, and asyncio."""

from typing import Any

import pytest

from tests.server.asking import FILES
from tests.server.http.open_inference.clients.environment import environment, told
from tests.server.running import Running

pytestmark = pytest.mark.nightly

_REQUIREMENTS = ("tritonclient[http]==2.73.0", "geventhttpclient==2.6.1")


@pytest.fixture(scope="module")
def got(stocked_server: Running, paths: list[str]) -> dict[str, Any]:
    """What the client got, by what it asked."""
    host = str(stocked_server.client.base_url).removeprefix("http://")
    return told(environment("tritonclient-http", _REQUIREMENTS), "triton_script.py", host, *paths)


def check(
    answer: dict[str, Any], native: list[list[dict[str, Any]]], *, name: str = "signs", version: str = "1"
) -> None:
    datatype, shape, values = answer["probabilities"]
    assert (datatype, shape) == ("float32", [3, 5])
    in_order = [sorted(labels, key=lambda label: label["index"]) for labels in native]
    assert values == pytest.approx([label["probability"] for labels in in_order for label in labels], abs=1e-6)
    assert answer["label"] == ["object", [3], [labels[0]["label"] for labels in native]]
    assert (answer["model_name"], answer["model_version"]) == (name, version)


def test_health(got: dict[str, Any]) -> None:
    assert got["health"] == [True, True, True]
    assert got["not_ready"] == [False, False]


def test_metadata(got: dict[str, Any]) -> None:
    assert got["server_metadata"]["name"] == "nettailor-server"
    assert got["model_metadata"]["versions"] == ["1", "2"]
    assert got["config"]["max_batch_size"] == 8


@pytest.mark.parametrize("asked", ["default", "column", "json_outputs", "gzip", "deflate", "priority"])
def test_files_are_answered_as_natively(got: dict[str, Any], rankings: dict[str, Any], asked: str) -> None:
    check(got[asked], rankings["signs"])


def test_requests_under_way_together(got: dict[str, Any], rankings: dict[str, Any]) -> None:
    for answer in got["several_at_once"]:
        check(answer, rankings["signs"])


def test_pixels_in_binary_data_and_in_json(got: dict[str, Any]) -> None:
    assert got["pixels"] == got["pixels_json"]
    assert got["pixels"]["probabilities"][1] == [1, 5]


@pytest.mark.parametrize(("asked", "count"), [("best_binary", 2), ("best_json", 2), ("best_of_all", 5)])
def test_classification(got: dict[str, Any], rankings: dict[str, Any], asked: str, count: int) -> None:
    datatype, shape, values = got[asked]["probabilities"]
    assert (datatype, shape) == ("object", [3, count])
    expected = [(label["index"], label["label"]) for labels in rankings["signs"] for label in labels[:count]]
    assert [(int(value.split(":")[1]), value.split(":", 2)[2]) for value in values] == expected


def test_an_id_comes_back(got: dict[str, Any]) -> None:
    assert (got["id"]["id"], got["default"]["id"]) == ("mine", None)


def test_names_with_an_alias_and_versions(got: dict[str, Any], rankings: dict[str, Any]) -> None:
    check(got["alias"], rankings["signs@candidate"], name="signs@candidate", version="2")
    check(got["version"], rankings["signs@candidate"], version="2")


@pytest.mark.parametrize(
    ("what", "status", "message"),
    [
        ("unknown_model", "404", "no task 'nothing'"),
        ("unknown_version", "404", "has no version 9"),
        ("unknown_input", "400", "inputs.picture: no such input"),
        ("no_data", "400", "exactly one of data and the parameter binary_data_size"),
        ("no_image", "400", "inputs.image.shape: [0] holds no image"),
        ("wrong_datatype", "400", "inputs.pixels.datatype: FP32; 'pixels' is UINT8"),
        ("not_an_image", "415", "images[0]: not a readable image"),
        ("unknown_parameter", "400", "parameters.colour: no such parameter"),
        ("sequence", "400", "parameters.sequence_id: no such parameter"),
        ("too_late", "504", "the request's time ran out"),
        ("packed_answer", "404", "no task 'nothing'"),
    ],
)
def test_errors_say_what_is_wrong(got: dict[str, Any], what: str, status: str, message: str) -> None:
    assert got["errors"][what]["status"] == status
    assert message in got["errors"][what]["message"]


def test_the_repository(got: dict[str, Any]) -> None:
    found = got["repository"]
    assert found["loaded"]["signs 2"] == "READY"
    assert found["unloaded"]["signs 2"] == "UNAVAILABLE"
    assert found["config"]["status"] == "400"


def test_the_differences_of_statistics_add_up(got: dict[str, Any]) -> None:
    before, after, names = got["statistics"]
    assert after["inference_count"] - before["inference_count"] == 3 * len(FILES)
    success, fail = (
        after["inference_stats"][part]["count"] - before["inference_stats"][part]["count"]
        for part in ("success", "fail")
    )
    assert (success, fail) == (3, 1)
    assert sum(batch["compute_infer"]["count"] for batch in after["batch_stats"]) == after["execution_count"]
    images = sum(batch["batch_size"] * batch["compute_infer"]["count"] for batch in after["batch_stats"])
    assert images == after["inference_count"]
    assert {"flowers", "signs"} <= set(names)


def test_asyncio(got: dict[str, Any], rankings: dict[str, Any]) -> None:
    assert got["aio"]["health"] == [True, True]
    assert got["aio"]["metadata"] == got["model_metadata"]
    for answer in got["aio"]["answers"]:
        check(answer, rankings["signs"])
