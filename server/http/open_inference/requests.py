"""From a body to a request for inference: JSON, JSON with binary data behind it, or one bare file (torch-free)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from hosting.web.said_once import repeated_members
from server.errors import RequestMalformed
from server.http.open_inference.json_data import json_input
from server.http.open_inference.schemas import InferenceHeader, InputHeader, OutputHeader
from server.open_inference.images import IMAGE
from server.open_inference.messages import InferRequest, ParameterValue, RequestedOutput
from server.open_inference.tensors import InputTensor, bytes_input, raw_input

HEADER_LENGTH = "Inference-Header-Content-Length"
MOST_JSON_BYTES = 4 * 2**20  # of which Python makes twenty times as much

_BINARY_SIZE, _CONTENT_TYPE = "binary_data_size", "content_type"  # of an input
_BINARY, _CLASSIFICATION = "binary_data", "classification"  # of an output
_BINARY_OUTPUT = "binary_data_output"  # of the request
_LENGTH_DIGITS = 18

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, kw_only=True, eq=False)
class RestRequest:
    """What is asked, and which outputs are to be binary data: those named, and the rest if `rest_is_binary`."""

    request: InferRequest
    binary: Mapping[str, bool]
    rest_is_binary: bool


def request_of(body: bytes, header_length: Sequence[str]) -> RestRequest:
    """`header_length` are the values of that header: one, or none. Raises `RequestMalformed`."""
    if not header_length:
        return _with_binary_data(body, b"")
    length = _length(header_length, len(body))
    return _bare_file(body) if length == 0 else _with_binary_data(body[:length], body[length:])


def _length(values: Sequence[str], body_bytes: int) -> int:
    text = values[0].strip()
    if len(values) > 1 or not (text.isascii() and text.isdecimal() and len(text) <= _LENGTH_DIGITS):
        raise RequestMalformed(HEADER_LENGTH, f"{', '.join(values)[:100]!r} is no number of bytes")
    if int(text) > body_bytes:
        raise RequestMalformed(HEADER_LENGTH, f"{text} bytes of JSON; the body has {body_bytes}")
    return int(text)


def _bare_file(body: bytes) -> RestRequest:
    request = InferRequest(inputs=(bytes_input(IMAGE, [1], [body]),))
    return RestRequest(request=request, binary={}, rest_is_binary=True)


def _with_binary_data(json: bytes, data: bytes) -> RestRequest:
    if len(json) > MOST_JSON_BYTES:
        reason = f"{len(json)} bytes of JSON, {MOST_JSON_BYTES} are the most; send tensors as binary data"
        raise RequestMalformed("body", reason)
    header = read_json(InferenceHeader, json, where="body")
    parameters = dict(header.parameters or {})
    outputs = header.outputs or ()
    rest_is_binary = _boolean(parameters.pop(_BINARY_OUTPUT, False), f"parameters.{_BINARY_OUTPUT}")
    return RestRequest(
        request=InferRequest(
            inputs=_inputs(header.inputs, data),
            outputs=tuple(_output(output) for output in outputs),
            id=header.id or "",
            parameters=parameters,
        ),
        binary={output.name: _is_binary(output, rest_is_binary) for output in outputs},
        rest_is_binary=rest_is_binary,
    )


def read_json(model: type[M], json: bytes, *, where: str) -> M:
    """Raises `RequestMalformed`."""
    try:
        document = model.model_validate_json(json)
    except ValidationError as failure:
        first = failure.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))[:200] or where
        reason = first["msg"]
        if first["type"] == "json_invalid":
            reason += f"; where binary data follows the JSON, the header {HEADER_LENGTH} says how long the JSON is"
        raise RequestMalformed(place, reason) from failure
    if names := repeated_members(json):
        raise RequestMalformed(f"{where}.{names[0]}"[:200], "given more than once")
    return document


def _inputs(headers: Sequence[InputHeader], data: bytes) -> tuple[InputTensor, ...]:
    tensors, place = [], 0
    for header in headers:
        size = _binary_size(header)
        if size is None:
            tensors.append(_from_json(header))
            continue
        if place + size > len(data):
            reason = f"{size} bytes; {len(data) - place} are left of the binary data"
            raise RequestMalformed(f"inputs.{header.name}.parameters.{_BINARY_SIZE}", reason)
        tensors.append(raw_input(header.name, header.datatype, header.shape, data[place : place + size]))
        place += size
    if place < len(data):
        raise RequestMalformed("body", f"{len(data) - place} bytes follow the {place} of binary data that inputs have")
    return tuple(tensors)


def _binary_size(header: InputHeader) -> int | None:
    """How many bytes of binary data are an input's; None where its data is in the JSON. Raises `RequestMalformed`."""
    parameters = header.parameters or {}
    where = f"inputs.{header.name}"
    for name in parameters:
        if name not in (_BINARY_SIZE, _CONTENT_TYPE):
            reason = f"no such parameter; known are {_BINARY_SIZE} and {_CONTENT_TYPE}"
            raise RequestMalformed(f"{where}.parameters.{name}", reason)
    size = parameters.get(_BINARY_SIZE)
    if (size is None) == (header.data is None):
        raise RequestMalformed(where, f"exactly one of data and the parameter {_BINARY_SIZE} is needed")
    if size is not None and (isinstance(size, bool) or not isinstance(size, int) or size < 0):
        raise RequestMalformed(f"{where}.parameters.{_BINARY_SIZE}", f"{size!r} is no number of bytes")
    if size is not None and _CONTENT_TYPE in parameters:
        raise RequestMalformed(f"{where}.parameters.{_CONTENT_TYPE}", "binary data is as it is")
    return None if size is None else int(size)


def _from_json(header: InputHeader) -> InputTensor:
    assert header.data is not None
    coding = (header.parameters or {}).get(_CONTENT_TYPE)
    if coding not in (None, "base64"):
        raise RequestMalformed(f"inputs.{header.name}.parameters.{_CONTENT_TYPE}", f"{coding!r} is not 'base64'")
    return json_input(header.name, header.datatype, header.shape, header.data, is_base64=coding is not None)


def _output(header: OutputHeader) -> RequestedOutput:
    parameters = header.parameters or {}
    for name in parameters:
        if name not in (_BINARY, _CLASSIFICATION):
            reason = f"no such parameter; known are {_BINARY} and {_CLASSIFICATION}"
            raise RequestMalformed(f"outputs.{header.name}.parameters.{name}", reason)
    classes = parameters.get(_CLASSIFICATION)
    if classes is not None and (isinstance(classes, bool) or not isinstance(classes, int)):
        raise RequestMalformed(f"outputs.{header.name}.parameters.{_CLASSIFICATION}", f"{classes!r} is no number")
    return RequestedOutput(name=header.name, classes=classes)


def _is_binary(header: OutputHeader, otherwise: bool) -> bool:
    wanted = (header.parameters or {}).get(_BINARY, otherwise)
    return _boolean(wanted, f"outputs.{header.name}.parameters.{_BINARY}")


def _boolean(value: ParameterValue, where: str) -> bool:
    if not isinstance(value, bool):
        raise RequestMalformed(where, f"{value!r} is neither true nor false")
    return value
