"""Every call of the service, against what the native route says."""

import time

import grpc
import numpy as np
import pytest

from server.grpc.messages.protocol import Message, protocol
from server.grpc.operations import in_time
from server.open_inference.messages import InferRequest
from server.open_inference.metadata import EXTENSIONS
from server.residency.tiers import Tier
from tests.server.asking import FILES, IMAGES
from tests.server.grpc.calling import Caller, images
from tests.server.running import Running

INVALID, NOT_FOUND = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND


def natively(server: Running, name: str = "signs", index: int = 0) -> list[float]:
    """The probabilities of one image in the order of the classes."""
    answer = server.client.post(f"/tasks/{name}/predict?top_k=1000", content=FILES[index]).json()
    return [found["probability"] for found in sorted(answer["predictions"][0], key=lambda found: found["index"])]


def probabilities(response: Message, output: int = 0) -> "np.ndarray[tuple[int, ...], np.dtype[np.float32]]":
    return np.frombuffer(response.raw_output_contents[output], "<f4").reshape(response.outputs[output].shape)


def test_the_server_says_what_it_is(caller: Caller) -> None:
    assert caller.call("ServerLive").live
    assert caller.call("ServerReady").ready
    about = caller.call("ServerMetadata")
    assert about.name == "nettailor-server"
    assert set(about.extensions) == set(EXTENSIONS) - {"binary_tensor_data"}


def test_models_say_whether_they_are_ready(caller: Caller) -> None:
    for fields in ({"name": "signs"}, {"name": "signs@candidate"}, {"name": "signs", "version": "2"}):
        assert caller.call("ModelReady", **fields).ready, fields
    for fields in ({"name": "nobody"}, {"name": "signs@nobody"}, {"name": "signs", "version": "9"}):
        assert not caller.call("ModelReady", **fields).ready, fields
    assert caller.refused("ModelReady", name="signs", version="first")[0] == INVALID


def test_models_say_what_they_take_and_give(caller: Caller) -> None:
    about = caller.call("ModelMetadata", name="signs")
    assert (about.name, about.versions, about.platform) == ("signs", ["1", "2"], "nettailor_bundlev1")
    tensors = {tensor.name: (tensor.datatype, list(tensor.shape)) for tensor in (*about.inputs, *about.outputs)}
    assert tensors == {
        "image": ("BYTES", [-1]),
        "pixels": ("UINT8", [-1, -1, -1, 3]),
        "probabilities": ("FP32", [-1, 5]),
        "label": ("BYTES", [-1]),
    }
    config = caller.call("ModelConfig", name="flowers").config
    assert config.max_batch_size == 8
    assert [list(output.dims) for output in config.output] == [[3], []]
    assert config.DESCRIPTOR.file.enum_types_by_name["DataType"].values[config.input[0].data_type].name == "TYPE_STRING"
    assert caller.refused("ModelMetadata", name="nobody") == (NOT_FOUND, "no task 'nobody'")


def test_answers_are_the_native_route_s(server: Running, caller: Caller) -> None:
    response = caller.call("ModelInfer", request=images(*FILES, id="mine"))
    assert (response.model_name, response.model_version, response.id) == ("signs", "1", "mine")
    expected = [natively(server, index=index) for index in range(len(FILES))]
    np.testing.assert_allclose(probabilities(response), expected, rtol=1e-6)
    assert response.parameters["tier"].string_param in set(Tier)


def test_names_and_versions_are_the_native_route_s(server: Running, caller: Caller) -> None:
    candidate = natively(server, "signs@candidate")
    for fields in ({"name": "signs@candidate"}, {"name": "signs", "model_version": "2"}):
        response = caller.call("ModelInfer", request=images(FILES[0], **fields))
        assert response.model_version == "2"
        np.testing.assert_allclose(probabilities(response)[0], candidate, rtol=1e-6)


def test_pixels_answer_as_the_file_they_are_of(server: Running, caller: Caller) -> None:
    rows = np.ascontiguousarray(IMAGES[:1].transpose(0, 2, 3, 1))
    raw, typed = (protocol().methods["ModelInfer"].request(model_name="signs") for _ in range(2))
    for message in (raw, typed):
        message.inputs.add(name="pixels", datatype="UINT8", shape=rows.shape)
    raw.raw_input_contents.append(rows.tobytes())
    typed.inputs[0].contents.uint_contents.extend(rows.ravel().tolist())
    for message in (raw, typed):
        np.testing.assert_allclose(
            probabilities(caller.call("ModelInfer", request=message))[0], natively(server), rtol=1e-6
        )


def test_classification(server: Running, caller: Caller) -> None:
    message = images(FILES[0])
    message.outputs.add(name="probabilities").parameters["classification"].int64_param = 2
    response = caller.call("ModelInfer", request=message)
    [output] = response.outputs
    assert (output.datatype, list(output.shape)) == ("BYTES", [1, 2])
    shares = natively(server)
    best = sorted(range(len(shares)), key=lambda index: -shares[index])[:2]
    for index in best:
        assert f"{shares[index]:.6f}:{index}:class {index}".encode() in response.raw_output_contents[0]


@pytest.mark.parametrize(
    ("message", "code", "reason"),
    [
        (images(FILES[0], name="nobody"), NOT_FOUND, "no task 'nobody'"),
        (images(FILES[0], name="signs/versions/2"), NOT_FOUND, "no task 'signs/versions/2'"),
        (images(FILES[0], name=""), INVALID, "neither a task nor"),
        (images(FILES[0], model_version="99"), NOT_FOUND, "no version 99"),
        (images(b"x"), INVALID, "images[0]: not a readable image"),
        (images(), INVALID, "holds no image"),
        (images(*FILES * 3), INVALID, "8 are the most"),
    ],
    ids=["task", "path", "no name", "version", "no image", "none", "too many"],
)
def test_what_is_refused_says_why(caller: Caller, message: Message, code: grpc.StatusCode, reason: str) -> None:
    refused = caller.refused("ModelInfer", request=message)
    assert refused[0] is code
    assert reason in refused[1]


def test_a_stream_answers_in_order_and_goes_on_after_a_failure(server: Running, caller: Caller) -> None:
    asked = [images(FILES[0], id="1"), images(b"x", id="2"), images(FILES[1], id="3")]
    asked[2].parameters["triton_enable_empty_final_response"].bool_param = True
    answers = caller.stream(asked)
    ends = [answer.infer_response.parameters["triton_final_response"].bool_param for answer in answers]
    assert ends == [False, False, True]
    assert [answer.infer_response.id for answer in answers] == ["1", "", "3"]
    assert [bool(answer.error_message) for answer in answers] == [False, True, False]
    assert "not a readable image" in answers[1].error_message
    np.testing.assert_allclose(probabilities(answers[2].infer_response)[0], natively(server, index=1), rtol=1e-6)


def test_time_outs_and_priorities(caller: Caller) -> None:
    message = images(FILES[0])
    message.parameters["timeout"].int64_param = 1
    assert caller.refused("ModelInfer", request=message)[0] is grpc.StatusCode.DEADLINE_EXCEEDED
    message.parameters["timeout"].int64_param = 0
    message.parameters["priority"].uint64_param = 1
    assert caller.call("ModelInfer", request=message).model_version == "1"
    message.parameters["priority"].uint64_param = 2**32
    assert caller.refused("ModelInfer", request=message)[0] is INVALID


@pytest.mark.parametrize(
    ("timeout_us", "left_s", "expected_us"),
    [(None, None, None), (None, 0.5, 500_000), (10, 0.5, 10), (0, 0.5, 500_000), (600_000, 0.5, 500_000), (0, 1e9, 0)],
)
def test_nobody_works_longer_than_the_caller_waits(
    timeout_us: int | None, left_s: float | None, expected_us: int | None
) -> None:
    parameters = {} if timeout_us is None else {"timeout": timeout_us}
    asked = in_time(InferRequest(inputs=(), parameters=parameters), left_s)
    assert asked.parameters.get("timeout") == expected_us


def test_statistics_only_grow_and_their_differences_add_up(caller: Caller) -> None:
    def now() -> Message:
        [found] = caller.call("ModelStatistics", name="signs", version="1").model_stats
        return found

    before = now()
    for count in (1, 3):
        caller.call("ModelInfer", request=images(*FILES[:count]))
    after = now()
    assert after.inference_count - before.inference_count == 4
    assert after.inference_stats.success.count - before.inference_stats.success.count == 2
    assert after.inference_stats.success.ns > before.inference_stats.success.ns
    executions = sum(batch.compute_infer.count for batch in after.batch_stats)
    assert executions == after.execution_count > before.execution_count
    assert time.time() * 1000 - after.last_inference < 60_000
    assert {found.name for found in caller.call("ModelStatistics").model_stats} >= {"signs"}


def test_the_repository_loads_and_unloads(caller: Caller) -> None:
    def states(*, ready: bool = False) -> dict[tuple[str, str], str]:
        return {
            (model.name, model.version): model.state for model in caller.call("RepositoryIndex", ready=ready).models
        }

    assert set(states()) == {("flowers", "1"), ("signs", "1"), ("signs", "2")}
    caller.call("RepositoryModelLoad", model_name="flowers")
    assert states(ready=True)[("flowers", "1")] == "READY"
    request = protocol().methods["RepositoryModelUnload"].request(model_name="flowers")
    request.parameters["unload_dependents"].bool_param = False  # as tritonclient says it
    caller.call("RepositoryModelUnload", request=request)
    assert states()[("flowers", "1")] == "UNAVAILABLE"
    request = protocol().methods["RepositoryModelLoad"].request(model_name="flowers")
    request.parameters["config"].string_param = "{}"
    assert caller.refused("RepositoryModelLoad", request=request)[0] == INVALID
    assert caller.refused("RepositoryModelLoad", model_name="nobody")[0] == NOT_FOUND


def test_predictions_are_counted_as_those_by_http_are(server: Running, caller: Caller) -> None:
    def count(code: int, task: str) -> float:
        return (
            server.service.metrics.registry.get_sample_value(
                "nettailor_requests_total", {"task": task, "code": str(code)}
            )
            or 0.0
        )

    before = count(200, "signs"), count(415, "signs"), count(404, "_other")
    caller.call("ModelInfer", request=images(FILES[0]))
    caller.refused("ModelInfer", request=images(b"x"))
    caller.refused("ModelInfer", request=images(FILES[0], name="nobody"))
    assert (count(200, "signs"), count(415, "signs"), count(404, "_other")) == tuple(each + 1 for each in before)
