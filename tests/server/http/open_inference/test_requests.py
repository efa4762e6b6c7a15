"""What a body says, and what is wrong with it: where and why."""

import base64
import json
from typing import Any

import pytest

from server.errors import RequestMalformed
from server.http.open_inference.requests import request_of
from server.open_inference.messages import RequestedOutput


def image(size: int = 3, **more: Any) -> dict[str, Any]:
    """An input of one element, in binary data."""
    return {"name": "image", "shape": [1], "datatype": "BYTES", "parameters": {"binary_data_size": size + 4}} | more


def body(document: dict[str, Any], data: bytes = b"") -> tuple[bytes, list[str]]:
    header = json.dumps(document).encode()
    return header + data, [str(len(header))]


FILE = b"\x03\0\0\0jpg"


def test_json_and_the_binary_data_behind_it() -> None:
    asked = request_of(*body({"id": "a", "inputs": [image()], "parameters": {"binary_data_output": True}}, FILE))
    assert [tensor.elements() for tensor in asked.request.inputs] == [(b"jpg",)]
    assert (asked.request.id, asked.request.parameters, asked.rest_is_binary) == ("a", {}, True)


def test_inputs_in_binary_data_and_in_json_may_be_mixed() -> None:
    pixels = {"name": "pixels", "shape": [1, 1, 2, 3], "datatype": "UINT8", "data": [[[[0, 1, 2], [3, 4, 255]]]]}
    asked = request_of(*body({"inputs": [pixels, image()]}, FILE))
    assert [tensor.data for tensor in asked.request.inputs] == [b"\0\1\2\3\4\xff", FILE]


def test_strings_of_json_are_utf_8_or_base64_where_that_is_said() -> None:
    plain: dict[str, Any] = {"name": "image", "shape": [2], "datatype": "BYTES", "data": ["GIF", "ü"]}
    coded = plain | {"data": [base64.b64encode(b"\xff\xd8").decode()], "shape": [1, 1]}
    coded["parameters"] = {"content_type": "base64"}
    asked = request_of(json.dumps({"inputs": [plain, coded]}).encode(), [])
    assert [tensor.elements() for tensor in asked.request.inputs] == [(b"GIF", b"\xc3\xbc"), (b"\xff\xd8",)]


def test_a_body_without_json_is_one_file() -> None:
    asked = request_of(b"\xff\xd8jpg", ["0"])
    assert [(tensor.name, tensor.elements()) for tensor in asked.request.inputs] == [("image", (b"\xff\xd8jpg",))]
    assert asked.rest_is_binary


def test_an_output_s_own_word_counts_more_than_the_request_s() -> None:
    outputs = [
        {"name": "probabilities", "parameters": {"binary_data": False, "classification": 2}},
        {"name": "label"},
    ]
    document = {"inputs": [image()], "outputs": outputs, "parameters": {"binary_data_output": True}}
    asked = request_of(*body(document, FILE))
    assert asked.request.outputs == (RequestedOutput(name="probabilities", classes=2), RequestedOutput(name="label"))
    assert asked.binary == {"probabilities": False, "label": True}


@pytest.mark.parametrize(
    ("document", "where"),
    [
        ({}, "inputs"),
        ({"inputs": []}, "inputs"),
        ({"inputs": [image()], "output": []}, "output"),
        ({"inputs": [{"name": "image", "shape": [1]}]}, "inputs.0.datatype"),
        ({"inputs": [image(shape=["1"])]}, "inputs.0.shape.0"),
        ({"inputs": [image(shape=[1] * 9)]}, "inputs.0.shape"),
        ({"inputs": [image(data=["a"])]}, "inputs.image"),
        ({"inputs": [image(parameters={})]}, "inputs.image"),
        ({"inputs": [image(parameters={"binary_data_size": -1})]}, "inputs.image.parameters.binary_data_size"),
        ({"inputs": [image(parameters={"binary_data_size": True})]}, "inputs.image.parameters.binary_data_size"),
        ({"inputs": [image(parameters={"binary_data_size": 99})]}, "inputs.image.parameters.binary_data_size"),
        ({"inputs": [image(parameters={"binary_data_size": 3})]}, "body"),
        (
            {"inputs": [image(parameters={"shared_memory_region": "a"})]},
            "inputs.image.parameters.shared_memory_region",
        ),
        ({"inputs": [image(datatype="UINT8")]}, "inputs.image.data"),
        ({"inputs": [image(parameters=None, data=["a", "b"])]}, "inputs.image.data"),
        ({"inputs": [image(parameters=None, data=[1])]}, "inputs.image.data.0"),
        ({"inputs": [image(parameters=None, datatype="FP32", data=[1.0])]}, "inputs.image.datatype"),
        ({"inputs": [image(parameters=None, datatype="UINT8", data=[256])]}, "inputs.image.data"),
        ({"inputs": [image(parameters=None, data=[[[[[[[[["a"]]]]]]]]])]}, "inputs.image.data"),
        ({"inputs": [image(parameters={"content_type": "hex"}, data=["a"])]}, "inputs.image.parameters.content_type"),
        ({"inputs": [image(parameters={"content_type": "base64"}, data=["?"])]}, "inputs.image.data.0"),
        ({"inputs": [image()], "parameters": {"binary_data_output": 1}}, "parameters.binary_data_output"),
        (
            {"inputs": [image()], "outputs": [{"name": "label", "parameters": {"binary_data": "yes"}}]},
            "outputs.label.parameters.binary_data",
        ),
        (
            {"inputs": [image()], "outputs": [{"name": "label", "parameters": {"classification": "3"}}]},
            "outputs.label.parameters.classification",
        ),
        (
            {"inputs": [image()], "outputs": [{"name": "label", "parameters": {"top_k": 3}}]},
            "outputs.label.parameters.top_k",
        ),
    ],
)
def test_what_is_wrong_is_said_and_where(document: dict[str, Any], where: str) -> None:
    with pytest.raises(RequestMalformed) as refused:
        request_of(*body(document, FILE))
    assert refused.value.where == where


@pytest.mark.parametrize("lengths", [["many"], ["-1"], ["99"], ["1", "2"], ["1" * 19], [""]])
def test_the_length_of_the_json_is_a_number_of_bytes_that_are_there(lengths: list[str]) -> None:
    with pytest.raises(RequestMalformed) as refused:
        request_of(b"{}", lengths)
    assert refused.value.where == "Inference-Header-Content-Length"


def test_json_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.http.open_inference.requests.MOST_JSON_BYTES", 100)
    with pytest.raises(RequestMalformed, match="101 bytes of JSON, 100 are the most; send tensors as binary data"):
        request_of(b" " * 101, [])


def test_binary_data_without_its_header_is_told_what_is_missing() -> None:
    data, _ = body({"inputs": [image()]}, FILE)
    with pytest.raises(RequestMalformed, match="the header Inference-Header-Content-Length says how long the JSON is"):
        request_of(data, [])


@pytest.mark.parametrize("repeated", ["id", "data"])
def test_a_member_that_is_given_twice_is_refused(repeated: str) -> None:
    plain = {"name": "image", "shape": [1], "datatype": "BYTES", "data": ["x"]}
    text = json.dumps({"id": "a", "inputs": [plain]})
    assert request_of(text.encode(), []).request.id == "a"
    twice = text.replace(f'"{repeated}":', f'"{repeated}": [], "{repeated}":').replace('"id": []', '"id": "b"')
    with pytest.raises(RequestMalformed, match=f"body.{repeated}.*given more than once"):
        request_of(twice.encode(), [])
