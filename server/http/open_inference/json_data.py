"""Tensors whose data is JSON: flat or nested lists of numbers or strings (torch-free)."""

import base64
import binascii
import math
from collections.abc import Iterator, Sequence
from typing import Any

from server.errors import RequestMalformed
from server.open_inference.datatypes import BYTES, UINT8
from server.open_inference.tensors import InputTensor, bytes_input, checked_count, raw_input

_DEPTH = 8


def json_input(name: str, datatype: str, shape: Sequence[int], data: list[Any], *, is_base64: bool) -> InputTensor:
    """Raises `RequestMalformed`."""
    where = f"inputs.{name}.data"
    count = checked_count(name, datatype, shape)
    if datatype not in (BYTES, UINT8):
        raise RequestMalformed(f"inputs.{name}.datatype", f"{datatype}; inputs here are {BYTES} or {UINT8}")
    values = list(_flat(data, where))
    if len(values) != count:
        raise RequestMalformed(where, f"{len(values)} elements; shape {list(shape)} has {math.prod(shape)}")
    if datatype == BYTES:
        return bytes_input(name, shape, [_element(value, f"{where}.{i}", is_base64) for i, value in enumerate(values)])
    return raw_input(name, datatype, shape, _bytes_of(values, where))


def _flat(data: list[Any], where: str, depth: int = 0) -> Iterator[Any]:
    if depth == _DEPTH:
        raise RequestMalformed(where, f"nested more than {_DEPTH} deep")
    for value in data:
        if isinstance(value, list):
            yield from _flat(value, where, depth + 1)
        else:
            yield value


def _element(value: Any, where: str, is_base64: bool) -> bytes:
    if not isinstance(value, str):
        raise RequestMalformed(where, f"an element of {BYTES} is a string")
    if not is_base64:
        return value.encode()
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as failure:
        raise RequestMalformed(where, f"not base64: {failure}") from failure


def _bytes_of(values: list[Any], where: str) -> bytes:
    try:
        return bytes(values)
    except (TypeError, ValueError) as failure:
        raise RequestMalformed(where, f"an element of {UINT8} is a whole number from 0 to 255") from failure
