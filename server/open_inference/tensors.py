"""Tensors that come and go, checked against what they say of themselves (torch-free)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from server.errors import RequestMalformed
from server.open_inference.datatypes import BYTES, DATATYPES, ITEM_BYTES, joined_elements, split_elements

Shape = tuple[int, ...]

_MOST_DIMENSIONS = 8
_MOST_ELEMENTS = 2**40  # so that the product of a shape stays a number that is worth printing


@dataclass(frozen=True, kw_only=True, eq=False)
class InputTensor:
    """`data` is as binary data has it (little-endian, row-major), or the elements of `BYTES` one by one."""

    name: str
    datatype: str
    shape: Shape
    data: bytes | tuple[bytes, ...]

    def elements(self) -> tuple[bytes, ...]:
        """Those of `BYTES`. Raises `RequestMalformed`."""
        if isinstance(self.data, tuple):
            return self.data
        return split_elements(self.data, math.prod(self.shape), where=f"inputs.{self.name}.data")


@dataclass(frozen=True, kw_only=True, eq=False)
class OutputTensor:
    """FP32, or BYTES as its elements in row-major order."""

    name: str
    datatype: str
    shape: Shape
    data: NDArray[np.float32] | tuple[bytes, ...]

    def raw(self) -> bytes:
        """As binary data: little-endian, BYTES with a length before each element."""
        if isinstance(self.data, tuple):
            return joined_elements(self.data)
        return self.data.astype("<f4", copy=False).tobytes()

    def values(self) -> list[float] | list[str]:
        """As JSON has it: flat."""
        if isinstance(self.data, tuple):
            return [element.decode() for element in self.data]
        flat: list[float] = self.data.ravel().tolist()
        return flat


def raw_input(name: str, datatype: str, shape: Sequence[int], raw: bytes) -> InputTensor:
    """A tensor of binary data. Raises `RequestMalformed` where the data does not fit what is said of it; elements of
    `BYTES` are looked at when they are asked for."""
    count = checked_count(name, datatype, shape)
    wanted = len(raw) if datatype == BYTES else count * ITEM_BYTES[datatype]
    if len(raw) != wanted:
        reason = f"{len(raw)} bytes; {datatype} of shape {list(shape)} has {wanted}"
        raise RequestMalformed(f"inputs.{name}.data", reason)
    return InputTensor(name=name, datatype=datatype, shape=tuple(shape), data=raw)


def bytes_input(name: str, shape: Sequence[int], elements: Sequence[bytes]) -> InputTensor:
    """A tensor of `BYTES` whose elements came one by one. Raises `RequestMalformed`."""
    count = checked_count(name, BYTES, shape)
    if len(elements) != count:
        raise RequestMalformed(f"inputs.{name}.data", f"{len(elements)} elements; shape {list(shape)} has {count}")
    return InputTensor(name=name, datatype=BYTES, shape=tuple(shape), data=tuple(elements))


def checked_count(name: str, datatype: str, shape: Sequence[int]) -> int:
    """How many elements a tensor has. Raises `RequestMalformed` for what no tensor can be."""
    if datatype not in DATATYPES:
        raise RequestMalformed(f"inputs.{name}.datatype", f"{datatype!r} is none of {', '.join(DATATYPES)}")
    if len(shape) > _MOST_DIMENSIONS or any(side < 0 for side in shape):
        raise RequestMalformed(
            f"inputs.{name}.shape",
            f"{list(shape)[:_MOST_DIMENSIONS]}: at most {_MOST_DIMENSIONS} dimensions, none of them negative",
        )
    count = math.prod(shape)
    if count > _MOST_ELEMENTS:
        raise RequestMalformed(f"inputs.{name}.shape", f"{count} elements are more than anybody can send")
    return count
