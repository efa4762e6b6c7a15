"""Tensors and parameters between messages and what the protocol's core knows.

Tensors come raw, all of them, or as typed contents; answers are always raw, as some clients read nothing else.
"""

from collections.abc import Mapping

import numpy as np

from server.errors import RequestMalformed
from server.grpc.messages.protocol import Message
from server.open_inference.datatypes import BYTES
from server.open_inference.messages import InferRequest, InferResponse, ParameterValue, RequestedOutput
from server.open_inference.tensors import InputTensor, bytes_input, raw_input

CLASSIFICATION = "classification"

# Of a datatype, the field of `InferTensorContents` and how its elements are laid out in raw data.
_CONTENTS: Mapping[str, tuple[str, str]] = {
    "BOOL": ("bool_contents", "?"),
    "INT8": ("int_contents", "i1"),
    "INT16": ("int_contents", "<i2"),
    "INT32": ("int_contents", "<i4"),
    "INT64": ("int64_contents", "<i8"),
    "UINT8": ("uint_contents", "u1"),
    "UINT16": ("uint_contents", "<u2"),
    "UINT32": ("uint_contents", "<u4"),
    "UINT64": ("uint64_contents", "<u8"),
    "FP32": ("fp32_contents", "<f4"),
    "FP64": ("fp64_contents", "<f8"),
}


def infer_request(message: Message) -> InferRequest:
    """What a message asks for. Raises `RequestMalformed`."""
    return InferRequest(
        inputs=_inputs(message),
        outputs=tuple(_requested(output) for output in message.outputs),
        id=message.id,
        parameters=_values(message.parameters),
    )


def fill_response(message: Message, response: InferResponse) -> None:
    """Write an answer into an empty `ModelInferResponse`."""
    message.model_name = response.model_name
    message.model_version = str(response.model_version)
    message.id = response.id
    for name, value in response.parameters.items():
        _set(message.parameters[name], value)
    for tensor in response.outputs:
        message.outputs.add(name=tensor.name, datatype=tensor.datatype, shape=tensor.shape)
        message.raw_output_contents.append(tensor.raw())


def _inputs(message: Message) -> tuple[InputTensor, ...]:
    raw = message.raw_input_contents
    if not raw:
        return tuple(_typed_input(tensor) for tensor in message.inputs)
    if len(raw) != len(message.inputs):
        raise RequestMalformed("raw_input_contents", f"there are {len(raw)}, and {len(message.inputs)} inputs")
    for tensor in message.inputs:
        if tensor.HasField("contents"):
            raise RequestMalformed(f"inputs.{tensor.name}.contents", "it is set, and so is raw_input_contents")
    return tuple(
        raw_input(tensor.name, tensor.datatype, tensor.shape, data)
        for tensor, data in zip(message.inputs, raw, strict=True)
    )


def _typed_input(tensor: Message) -> InputTensor:
    if tensor.datatype == BYTES:
        _check_only(tensor, "bytes_contents")
        return bytes_input(tensor.name, tensor.shape, tensor.contents.bytes_contents)
    if tensor.datatype not in _CONTENTS:
        reason = f"{tensor.datatype!r} has no typed contents; send raw_input_contents"
        raise RequestMalformed(f"inputs.{tensor.name}.datatype", reason)
    field, layout = _CONTENTS[tensor.datatype]
    _check_only(tensor, field)
    elements = np.array(getattr(tensor.contents, field))
    wanted = elements.astype(layout)
    if not np.array_equal(wanted, elements, equal_nan=tensor.datatype.startswith("FP")):
        raise RequestMalformed(f"inputs.{tensor.name}.contents", f"an element is none of {tensor.datatype}")
    return raw_input(tensor.name, tensor.datatype, tensor.shape, wanted.tobytes())


def _check_only(tensor: Message, field: str) -> None:
    """Raises `RequestMalformed` where elements are in a field of another datatype: they would be left out."""
    for other, _ in tensor.contents.ListFields():
        if other.name != field:
            reason = f"{other.name} is set; elements of {tensor.datatype} go into {field}"
            raise RequestMalformed(f"inputs.{tensor.name}.contents", reason)


def _requested(output: Message) -> RequestedOutput:
    given = _values(output.parameters)
    classes = given.pop(CLASSIFICATION, None)
    if given:
        raise RequestMalformed(f"outputs.{output.name}.parameters", f"{min(given)!r} is none that is known")
    if classes is None:
        return RequestedOutput(name=output.name)
    if isinstance(classes, bool) or not isinstance(classes, int):
        raise RequestMalformed(f"outputs.{output.name}.{CLASSIFICATION}", f"{classes!r} is no whole number")
    return RequestedOutput(name=output.name, classes=classes)


def _values(parameters: Mapping[str, Message]) -> dict[str, ParameterValue]:
    """Raises `RequestMalformed` for a parameter without a value."""
    found: dict[str, ParameterValue] = {}
    for name, parameter in parameters.items():
        choice = parameter.WhichOneof("parameter_choice")
        if choice is None:
            raise RequestMalformed(f"parameters.{name}", "it has no value")
        found[name] = getattr(parameter, choice)
    return found


def _set(parameter: Message, value: ParameterValue) -> None:
    if isinstance(value, bool):
        parameter.bool_param = value
    elif isinstance(value, int):
        parameter.int64_param = value
    elif isinstance(value, float):
        parameter.double_param = value
    else:
        parameter.string_param = value
