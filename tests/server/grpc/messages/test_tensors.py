from typing import Any

import numpy as np
import pytest

from server.errors import RequestMalformed
from server.grpc.messages.protocol import Message, protocol
from server.grpc.messages.tensors import fill_response, infer_request
from server.open_inference.messages import InferResponse, RequestedOutput
from server.open_inference.tensors import OutputTensor

INFER = protocol().methods["ModelInfer"]


def asked(datatype: str, *, raw: bytes | None = None, shape: tuple[int, ...] = (2,), **contents: Any) -> Message:
    message = INFER.request(model_name="signs", id="mine")
    tensor = message.inputs.add(name="x", datatype=datatype, shape=shape)
    for field, values in contents.items():
        getattr(tensor.contents, field).extend(values)
    if raw is not None:
        message.raw_input_contents.append(raw)
    return message


@pytest.mark.parametrize(
    ("datatype", "field", "values", "layout"),
    [
        ("BOOL", "bool_contents", [True, False], "?"),
        ("INT8", "int_contents", [-128, 127], "i1"),
        ("INT16", "int_contents", [-(2**15), 2**15 - 1], "<i2"),
        ("INT32", "int_contents", [-(2**31), 2**31 - 1], "<i4"),
        ("INT64", "int64_contents", [-(2**63), 2**63 - 1], "<i8"),
        ("UINT8", "uint_contents", [0, 255], "u1"),
        ("UINT16", "uint_contents", [0, 2**16 - 1], "<u2"),
        ("UINT32", "uint_contents", [0, 2**32 - 1], "<u4"),
        ("UINT64", "uint64_contents", [0, 2**64 - 1], "<u8"),
        ("FP32", "fp32_contents", [0.1, float("nan")], "<f4"),
        ("FP64", "fp64_contents", [0.1, float("inf")], "<f8"),
    ],
)
def test_typed_contents_are_what_raw_ones_are(datatype: str, field: str, values: list[Any], layout: str) -> None:
    raw = np.array(values, layout).tobytes()
    contents: dict[str, Any] = {field: values}
    [typed] = infer_request(asked(datatype, **contents)).inputs
    [binary] = infer_request(asked(datatype, raw=raw)).inputs
    assert (typed.data, typed.shape, typed.datatype) == (binary.data, binary.shape, binary.datatype)
    assert typed.data == raw


def test_bytes_have_lengths_before_them_in_raw_contents_only() -> None:
    [typed] = infer_request(asked("BYTES", bytes_contents=[b"ab", b""])).inputs
    [binary] = infer_request(asked("BYTES", raw=b"\2\0\0\0ab\0\0\0\0")).inputs
    assert typed.elements() == binary.elements() == (b"ab", b"")


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (asked("UINT8", uint_contents=[0, 256]), "an element is none of UINT8"),
        (asked("INT8", int_contents=[0, -129]), "an element is none of INT8"),
        (asked("UINT8", int_contents=[0, 1]), "elements of UINT8 go into uint_contents"),
        (asked("BYTES", fp32_contents=[0, 1]), "elements of BYTES go into bytes_contents"),
        (asked("FP16", fp32_contents=[0, 1]), "no typed contents; send raw_input_contents"),
        (asked("UINT8", raw=b"ab", uint_contents=[0, 1]), "it is set, and so is raw_input_contents"),
        (asked("UINT8"), "0 bytes; UINT8 of shape"),
        (asked("BYTES"), "0 elements"),
        (INFER.request(raw_input_contents=[b""]), "there are 1, and 0 inputs"),
    ],
)
def test_what_does_not_fit_is_told(message: Message, reason: str) -> None:
    with pytest.raises(RequestMalformed, match=reason):
        infer_request(message)


def test_parameters_and_outputs() -> None:
    message = asked("UINT8", raw=b"ab")
    message.parameters["priority"].uint64_param = 3
    message.parameters["timeout"].int64_param = 10
    message.outputs.add(name="probabilities").parameters["classification"].int64_param = 2
    message.outputs.add(name="label")
    request = infer_request(message)
    assert request.parameters == {"priority": 3, "timeout": 10}
    assert request.outputs == (RequestedOutput(name="probabilities", classes=2), RequestedOutput(name="label"))
    assert request.id == "mine"


def test_odd_parameters_are_told() -> None:
    for name, choice, value, reason in (
        ("classification", "string_param", "2", "no whole number"),
        ("classification", "bool_param", True, "no whole number"),
        ("shared_memory_region", "string_param", "a", "none that is known"),
    ):
        message = asked("UINT8", raw=b"ab")
        setattr(message.outputs.add(name="label").parameters[name], choice, value)
        with pytest.raises(RequestMalformed, match=reason):
            infer_request(message)
    message = asked("UINT8", raw=b"ab")
    message.parameters["priority"].SetInParent()
    with pytest.raises(RequestMalformed, match="it has no value"):
        infer_request(message)


def test_answers_are_raw() -> None:
    message = INFER.response()
    shares = np.array([[0.25, 0.75]], np.float32)
    response = InferResponse(
        model_name="signs@live",
        model_version=3,
        id="mine",
        outputs=(
            OutputTensor(name="probabilities", datatype="FP32", shape=(1, 2), data=shares),
            OutputTensor(name="label", datatype="BYTES", shape=(1,), data=(b"stop",)),
        ),
        parameters={"tier": "disk", "queue_ms": 0.5, "images": 2, "known": True},
    )
    fill_response(message, response)
    assert (message.model_name, message.model_version, message.id) == ("signs@live", "3", "mine")
    assert [(o.name, o.datatype, list(o.shape), o.HasField("contents")) for o in message.outputs] == [
        ("probabilities", "FP32", [1, 2], False),
        ("label", "BYTES", [1], False),
    ]
    assert list(message.raw_output_contents) == [shares.tobytes(), b"\4\0\0\0stop"]
    chosen = {name: value.WhichOneof("parameter_choice") for name, value in message.parameters.items()}
    expected = {"tier": "string_param", "queue_ms": "double_param", "images": "int64_param", "known": "bool_param"}
    assert chosen == expected
