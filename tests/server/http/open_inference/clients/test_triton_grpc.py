"""NVIDIA's tritonclient, as it is, over gRPC: blocking, with callbacks, streams, and asyncio."""

from typing import Any

import pytest

from server.settings import ServerSettings
from tests.processes.ports import free_port
from tests.server.http.open_inference.clients.environment import environment, told
from tests.server.running import Running

pytestmark = pytest.mark.nightly

_REQUIREMENTS = ("tritonclient[grpc]==2.73.0",)


@pytest.fixture(scope="module")
def settings(settings: ServerSettings) -> ServerSettings:
    return settings.model_copy(update={"grpc_port": free_port()})


@pytest.fixture(scope="module")
def got(stocked_server: Running, paths: list[str]) -> dict[str, Any]:
    """What the client got, by what it asked."""
    address = f"127.0.0.1:{stocked_server.service.settings.grpc_port}"
    return told(environment("tritonclient-grpc", _REQUIREMENTS), "triton_grpc_script.py", address, *paths)


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
    assert [tensor["datatype"] for tensor in got["model_metadata"]["inputs"]] == ["BYTES", "UINT8"]
    assert got["config"]["max_batch_size"] == 8
    assert got["config"]["input"][0]["data_type"] == "TYPE_STRING"


@pytest.mark.parametrize("asked", ["default", "column", "gzip", "deflate", "priority"])
def test_files_are_answered_as_natively(got: dict[str, Any], rankings: dict[str, Any], asked: str) -> None:
    check(got[asked], rankings["signs"])


def test_requests_under_way_together(got: dict[str, Any], rankings: dict[str, Any]) -> None:
    for answer in got["several_at_once"]:
        check(answer, rankings["signs"])


def test_streams(got: dict[str, Any], rankings: dict[str, Any]) -> None:
    first, failed, last = got["stream"]
    for answer, identity in ((first, "1"), (last, "3")):
        check(answer, rankings["signs"])
        assert answer["id"] == identity
    assert "images[0]: not a readable image" in failed


def test_pixels(got: dict[str, Any]) -> None:
    assert got["pixels"]["probabilities"][1] == [1, 5]


@pytest.mark.parametrize(("asked", "count"), [("best", 2), ("best_of_all", 5)])
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
        ("unknown_model", "NOT_FOUND", "no task 'nothing'"),
        ("unknown_version", "NOT_FOUND", "has no version 9"),
        ("unknown_input", "INVALID_ARGUMENT", "inputs.picture: no such input"),
        ("no_data", "INVALID_ARGUMENT", "inputs.image.data: 0 elements"),
        ("wrong_datatype", "INVALID_ARGUMENT", "inputs.pixels.datatype: FP32; 'pixels' is UINT8"),
        ("not_an_image", "INVALID_ARGUMENT", "images[0]: not a readable image"),
        ("unknown_parameter", "INVALID_ARGUMENT", "parameters.colour: no such parameter"),
        ("too_late", "DEADLINE_EXCEEDED", "the request's time ran out"),
        ("shared_memory", "UNIMPLEMENTED", "Method not found"),
        ("trace", "UNIMPLEMENTED", "Method not found"),
    ],
)
def test_errors_say_what_is_wrong(got: dict[str, Any], what: str, status: str, message: str) -> None:
    assert got["errors"][what]["status"] == f"StatusCode.{status}"
    assert message in got["errors"][what]["message"]


def test_the_repository(got: dict[str, Any]) -> None:
    found = got["repository"]
    assert found["loaded"]["signs 2"] == "READY"
    assert found["unloaded"]["signs 2"] == "UNAVAILABLE"
    assert found["config"]["status"] == "StatusCode.INVALID_ARGUMENT"


def test_the_differences_of_statistics_add_up(got: dict[str, Any]) -> None:
    before, after, names = got["statistics"]
    assert {name: after[name] - before[name] for name in after} == {"images": 9, "success": 3, "fail": 1}
    assert {"flowers", "signs"} <= set(names)


def test_asyncio(got: dict[str, Any], rankings: dict[str, Any]) -> None:
    assert got["aio"]["health"] == [True, True]
    assert got["aio"]["metadata"] == got["model_metadata"]
    for answer in got["aio"]["answers"]:
        check(answer, rankings["signs"])
    for (error, answer), identity in zip(got["aio"]["stream"], ("1", "2"), strict=True):
        check(answer, rankings["signs"])
        assert (error, answer["id"]) == ("", identity)
