"""The protocol without a transport, against the native route of the same server."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import numpy as np
import pytest

from registry.errors import AliasUnknown, TaskUnknown, VersionUnknown
from server.errors import DeadlineExceeded, ImageRejected, RequestMalformed
from server.open_inference.messages import InferRequest, InferResponse, RequestedOutput
from server.open_inference.open_inference import OpenInference
from server.open_inference.repository import IndexEntry
from server.open_inference.tensors import InputTensor, bytes_input, raw_input
from server.residency.tiers import Tier
from tests.server.asking import FILES, IMAGES
from tests.server.running import Running

T = TypeVar("T")


@pytest.fixture(scope="module")
def protocol(stocked_server: Running) -> OpenInference:
    return OpenInference(stocked_server.service)


def run(waiting: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(waiting)


def infer(
    protocol: OpenInference,
    *inputs: InputTensor,
    name: str = "signs",
    version: str = "",
    outputs: tuple[RequestedOutput, ...] = (),
    **parameters: Any,
) -> InferResponse:
    request = InferRequest(inputs=inputs, outputs=outputs, id="mine", parameters=parameters)
    target = protocol.admit(name, version)
    return run(protocol.infer(name, target, request, arrived_at=protocol.clock()))


def files(*data: bytes) -> InputTensor:
    return bytes_input("image", [len(data)], data)


def pixels(count: int) -> InputTensor:
    images = np.ascontiguousarray(IMAGES[:count].transpose(0, 2, 3, 1))
    return raw_input("pixels", "UINT8", images.shape, images.tobytes())


def natively(server: Running, name: str = "signs", index: int = 0) -> list[tuple[str, float]]:
    answer = server.client.post(f"/tasks/{name}/predict?top_k=1000", content=FILES[index]).json()
    return [(found["label"], found["probability"]) for found in answer["predictions"][0]]


def test_answers_are_the_native_route_s(stocked_server: Running, protocol: OpenInference) -> None:
    response = infer(protocol, files(*FILES))
    assert (response.model_name, response.model_version, response.id) == ("signs", 1, "mine")
    probabilities, label = response.outputs
    assert (probabilities.name, probabilities.datatype, probabilities.shape) == ("probabilities", "FP32", (3, 5))
    assert (label.name, label.datatype, label.shape) == ("label", "BYTES", (3,))
    assert isinstance(probabilities.data, np.ndarray)
    for index, row in enumerate(probabilities.data):
        expected = natively(stocked_server, index=index)
        assert sorted(row, reverse=True) == pytest.approx([share for _, share in expected])
        assert label.values()[index] == expected[0][0]


@pytest.mark.parametrize(
    ("name", "version"), [("signs", ""), ("signs@candidate", ""), ("signs", "2"), ("flowers", "1")]
)
def test_pixels_are_answered_as_files_of_them_are(protocol: OpenInference, name: str, version: str) -> None:
    from_files = infer(protocol, files(*FILES), name=name, version=version)
    from_pixels = infer(protocol, pixels(3), name=name, version=version)
    assert from_files.model_version == from_pixels.model_version
    assert [output.raw() for output in from_files.outputs] == [output.raw() for output in from_pixels.outputs]


def test_a_classification_names_the_best_classes(stocked_server: Running, protocol: OpenInference) -> None:
    response = infer(protocol, files(FILES[0]), outputs=(RequestedOutput(name="probabilities", classes=2),))
    (output,) = response.outputs
    assert (output.datatype, output.shape) == ("BYTES", (1, 2))
    for element, (label, share) in zip(output.values(), natively(stocked_server)[:2], strict=True):
        value, index, name = str(element).split(":", 2)
        assert (value, name) == (f"{share:.6f}", label)
        assert index.isdecimal()


def test_more_classes_than_there_are_are_all_of_them(protocol: OpenInference) -> None:
    response = infer(protocol, files(*FILES), outputs=(RequestedOutput(name="probabilities", classes=1000),))
    assert response.outputs[0].shape == (3, 5)


@pytest.mark.parametrize(
    ("inputs", "where"),
    [
        ((), "inputs"),
        ((files(FILES[0]), pixels(1)), "inputs"),
        ((bytes_input("picture", [1], [b"x"]),), "inputs.picture"),
        ((bytes_input("image", [0], []),), "inputs.image.shape"),
        ((bytes_input("image", [9], [b"x"] * 9),), "inputs.image.shape"),
        ((bytes_input("image", [1, 2], [b"x"] * 2),), "inputs.image.shape"),
        ((raw_input("image", "UINT8", [1], b"x"),), "inputs.image.datatype"),
        ((raw_input("image", "BYTES", [1], b"x"),), "inputs.image.data"),
        ((raw_input("pixels", "UINT8", [1, 3, 1, 1], b"xxx"),), "inputs.pixels.shape"),
        ((raw_input("pixels", "UINT8", [1, 0, 1, 3], b""),), "inputs.pixels.shape"),
        ((raw_input("pixels", "FP32", [1, 1, 1, 3], b"x" * 12),), "inputs.pixels.datatype"),
    ],
)
def test_inputs_that_are_none_are_refused(protocol: OpenInference, inputs: tuple[InputTensor, ...], where: str) -> None:
    with pytest.raises(RequestMalformed) as refused:
        infer(protocol, *inputs)
    assert refused.value.where == where


@pytest.mark.parametrize(
    ("outputs", "where"),
    [
        ([RequestedOutput(name="logits")], "outputs.logits"),
        ([RequestedOutput(name="label", classes=1)], "outputs.label.classification"),
        ([RequestedOutput(name="probabilities", classes=0)], "outputs.probabilities.classification"),
        ([RequestedOutput(name="label"), RequestedOutput(name="label")], "outputs"),
    ],
)
def test_outputs_that_are_none_are_refused(protocol: OpenInference, outputs: list[RequestedOutput], where: str) -> None:
    with pytest.raises(RequestMalformed) as refused:
        infer(protocol, files(FILES[0]), outputs=tuple(outputs))
    assert refused.value.where == where


def test_what_the_predictor_refuses_is_refused(protocol: OpenInference) -> None:
    with pytest.raises(ImageRejected, match=r"images\[1\]"):
        infer(protocol, files(FILES[0], b"no image"))
    with pytest.raises(TaskUnknown):
        infer(protocol, files(FILES[0]), name="nothing")
    with pytest.raises(AliasUnknown):
        infer(protocol, files(FILES[0]), name="signs@nothing")
    with pytest.raises(VersionUnknown):
        infer(protocol, files(FILES[0]), version="9")
    with pytest.raises(DeadlineExceeded):
        infer(protocol, files(FILES[0]), timeout=1)


def test_an_answer_of_too_many_values_is_refused(protocol: OpenInference, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.open_inference.infer._MOST_VALUES", 10)
    assert infer(protocol, files(*FILES[:2])).outputs[0].shape == (2, 5)
    with pytest.raises(RequestMalformed, match="3 images with 5 classes"):
        infer(protocol, files(*FILES))
    few = (RequestedOutput(name="probabilities", classes=3),)
    assert infer(protocol, files(*FILES), outputs=few).outputs[0].shape == (3, 3)


def test_metadata_and_configuration(protocol: OpenInference) -> None:
    about = run(protocol.model_metadata("signs"))
    assert (about.name, about.versions) == ("signs", ("1", "2"))
    assert [(tensor.name, tensor.datatype, tensor.shape) for tensor in (*about.inputs, *about.outputs)] == [
        ("image", "BYTES", (-1,)),
        ("pixels", "UINT8", (-1, -1, -1, 3)),
        ("probabilities", "FP32", (-1, 5)),
        ("label", "BYTES", (-1,)),
    ]
    assert run(protocol.model_metadata("signs@candidate")).versions == ("2",)
    assert run(protocol.model_metadata("signs", "1")).versions == ("1",)
    assert run(protocol.model_configuration("flowers"))["output"][0]["dims"] == [3]
    with pytest.raises(TaskUnknown):
        run(protocol.model_metadata("nothing"))


def test_loading_pins_and_unloading_evicts(stocked_server: Running, protocol: OpenInference) -> None:
    async def states() -> dict[tuple[str, str], str]:
        return {(entry.name, entry.version): entry.state for entry in await protocol.index()}

    residency = stocked_server.service.parts.residency
    run(protocol.unload("signs@candidate", {}))
    assert run(states())["signs", "2"] == "UNAVAILABLE"
    run(protocol.load("signs@candidate", {}))
    assert run(states())["signs", "2"] == "READY"
    assert [row.id.version for row in residency.table() if row.pinned and row.tier is Tier.DEVICE] == [2]
    run(protocol.unload("signs@candidate", {"unload_dependents": False}))
    index = run(protocol.index())
    assert IndexEntry(name="signs", version="2", state="UNAVAILABLE", reason="tier: disk") in index
    assert ("signs", "2") not in {(entry.name, entry.version) for entry in run(protocol.index(ready_only=True))}
    assert infer(protocol, files(FILES[0]), name="signs@candidate").model_version == 2
    with pytest.raises(RequestMalformed):
        run(protocol.load("signs", {"config": "{}"}))
    with pytest.raises(RequestMalformed):
        run(protocol.unload("signs", {"force": True}))


def test_the_differences_of_statistics_add_up(protocol: OpenInference) -> None:
    def figures() -> Any:
        (found,) = run(protocol.statistics("signs", "1"))
        return found.figures

    before = figures()
    infer(protocol, files(*FILES))
    infer(protocol, files(FILES[0]))
    with pytest.raises(ImageRejected):
        infer(protocol, files(b"no image"))
    after = figures()
    assert after.inference_count - before.inference_count == 4
    assert after.success.count - before.success.count == 2
    assert after.fail.count - before.fail.count == 1
    batches = {
        size: duration.count - before.batches[size].count if size in before.batches else duration.count
        for size, duration in after.batches.items()
    }
    assert sum(batches.values()) == after.execution_count - before.execution_count
    assert sum(size * count for size, count in batches.items()) == 4
    parts = [getattr(after, name).ns - getattr(before, name).ns for name in ("queue", "compute_input", "compute_infer")]
    assert 0 < sum(parts) <= after.success.ns - before.success.ns
    assert after.last_inference_ms >= before.last_inference_ms
