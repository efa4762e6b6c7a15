"""The container of a bundle: a safetensors file of tensors, written canonically and read with numpy alone.

8 bytes (little-endian header length), the header (JSON, padded with spaces to a multiple of 8), the tensors' bytes.
"""

import json
import math
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from nettailor.errors import BundleMalformed, BundleTensorInvalid, BundleTooLarge

FloatArray = NDArray[np.float32]
AnyArray = NDArray[Any]  # of one of the types below

METADATA = "__metadata__"
_LENGTH_BYTES = 8
_TYPES: Mapping[str, np.dtype[Any]] = {"F32": np.dtype("<f4"), "F16": np.dtype("<f2"), "U8": np.dtype(np.uint8)}
_MOST_DIMENSIONS = 8
_ENTRY_KEYS = {"dtype", "shape", "data_offsets"}


@dataclass(frozen=True, kw_only=True)
class BundleLimits:
    """What a reader is willing to look at; checked before anything of that size is parsed."""

    size_bytes: int = 1 << 30  # of the whole file
    header_bytes: int = 8 << 20  # of the header, manifest included


DEFAULT_LIMITS = BundleLimits()


@dataclass(frozen=True, kw_only=True, eq=False)
class Container:
    """A parsed file; the tensors are read-only views of the bytes it was parsed from."""

    metadata: Mapping[str, str]
    tensors: Mapping[str, AnyArray]


@dataclass(frozen=True, kw_only=True)
class _Entry:
    name: str
    dtype: str
    shape: tuple[int, ...]
    begin: int  # bytes, from the start of the data
    end: int


def canonical_json(value: Any) -> str:
    """Sorted keys, no white space, no NaN: equal values, equal text. Raises `ValueError` on NaN or infinity."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def strict_json(text: str | bytes) -> Any:
    """JSON without duplicate keys, NaN, infinity or endless nesting. Raises `ValueError`."""
    try:
        return json.loads(text, object_pairs_hook=_distinct, parse_constant=_refuse, parse_float=_finite)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        [(twice, _)] = Counter(key for key, _ in pairs).most_common(1)  # linear: a stranger chose how many there are
        raise ValueError(f"the key {twice!r} appears twice")
    return result


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"{text} is out of range")
    return value


def serialise(metadata: Mapping[str, str], tensors: Mapping[str, AnyArray]) -> bytes:
    """The canonical file: tensors in the order of their names, header keys sorted. What is neither uint8 nor float16 is
    written as float32."""
    header: dict[str, Any] = {METADATA: dict(metadata)}
    chunks, offset = [], 0
    for name in sorted(tensors):
        dtype = next((known for known in ("U8", "F16") if tensors[name].dtype == _TYPES[known]), "F32")
        chunk = np.ascontiguousarray(tensors[name], dtype=_TYPES[dtype]).tobytes()
        header[name] = {
            "dtype": dtype,
            "shape": list(tensors[name].shape),
            "data_offsets": [offset, offset + len(chunk)],
        }
        chunks.append(chunk)
        offset += len(chunk)
    encoded = canonical_json(header).encode()
    encoded += b" " * (-len(encoded) % 8)
    return b"".join([len(encoded).to_bytes(_LENGTH_BYTES, "little"), encoded, *chunks])


def parse(data: bytes, limits: BundleLimits = DEFAULT_LIMITS, *, dtypes: Collection[str] = ("F32",)) -> Container:
    """Read a file, trusting nothing in it.

    Raises `BundleTooLarge`, `BundleMalformed` (what the bytes are does not fit what the header says) and
    `BundleTensorInvalid` (a tensor of another type).
    """
    if len(data) > limits.size_bytes:
        raise BundleTooLarge("file", len(data), limits.size_bytes)
    start = _data_start(data, limits)
    header = _header(data[_LENGTH_BYTES:start])
    metadata = _metadata(header.pop(METADATA, None))
    entries = [_entry(name, value, dtypes) for name, value in header.items()]
    _check_offsets(entries, len(data) - start)
    return Container(metadata=metadata, tensors={e.name: _view(data, start, e) for e in entries})


def _data_start(data: bytes, limits: BundleLimits) -> int:
    if len(data) < _LENGTH_BYTES:
        raise BundleMalformed("header length", f"the file has only {len(data)} bytes")
    length = int.from_bytes(data[:_LENGTH_BYTES], "little")
    begins_as_header = data[_LENGTH_BYTES : _LENGTH_BYTES + 1] == b"{"
    if not begins_as_header and (data.startswith(b"PK") or (data[0] == 0x80 and data[1] <= 5)):
        raise BundleMalformed("file", "this is a pickle or a zip of pickles, which is never loaded")
    if length > limits.header_bytes:
        raise BundleTooLarge("header", length, limits.header_bytes)
    if length > len(data) - _LENGTH_BYTES:
        raise BundleMalformed("header length", f"{length} bytes announced, {len(data) - _LENGTH_BYTES} are there")
    if length == 0 or length % 8:
        raise BundleMalformed("header length", f"{length} is not a positive multiple of 8")
    if not begins_as_header:
        raise BundleMalformed("header", "does not begin with a brace")
    return _LENGTH_BYTES + length


def _header(encoded: bytes) -> dict[str, Any]:
    try:
        header = strict_json(encoded.decode())
    except ValueError as error:
        raise BundleMalformed("header", f"not JSON: {error}") from error
    assert isinstance(header, dict)  # it begins with a brace
    return header


def _metadata(value: Any) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        raise BundleMalformed(f"header.{METADATA}", "missing, or not a map of strings")
    return value


def _entry(name: str, value: Any, dtypes: Collection[str]) -> _Entry:
    where = f"header[{name!r}]"
    if not isinstance(value, dict) or set(value) != _ENTRY_KEYS:
        raise BundleMalformed(where, f"must hold exactly {', '.join(sorted(_ENTRY_KEYS))}")
    dtype, shape, offsets = value["dtype"], value["shape"], value["data_offsets"]
    if not _naturals(shape) or 0 in shape:
        raise BundleMalformed(f"{where}.shape", "not a list of positive integers")
    if len(shape) > _MOST_DIMENSIONS:
        raise BundleMalformed(f"{where}.shape", f"more than {_MOST_DIMENSIONS} dimensions")
    if not _naturals(offsets) or len(offsets) != 2:
        raise BundleMalformed(f"{where}.data_offsets", "not two integers")
    if dtype not in list(dtypes):  # a list, or what a stranger wrote would have to be hashable
        raise BundleTensorInvalid(name, f"dtype is {dtype!r}, must be {' or '.join(map(repr, dtypes))}")
    begin, end = offsets
    # Sides are looked at before they are multiplied: whole numbers grow without end.
    if max(shape, default=1) > end - begin or end - begin != math.prod(shape) * _TYPES[dtype].itemsize:
        raise BundleMalformed(f"{where}.data_offsets", "span does not fit the shape")
    return _Entry(name=name, dtype=dtype, shape=tuple(shape), begin=begin, end=end)


def _naturals(value: Any) -> bool:
    return isinstance(value, list) and all(type(item) is int and item >= 0 for item in value)


def _check_offsets(entries: list[_Entry], data_bytes: int) -> None:
    expected = 0
    for entry in sorted(entries, key=lambda e: e.begin):
        if entry.begin != expected:
            fault = "overlaps the tensor before it" if entry.begin < expected else "leaves a gap before it"
            raise BundleMalformed(f"header[{entry.name!r}].data_offsets", fault)
        expected = entry.end
    if expected != data_bytes:
        raise BundleMalformed("data", f"the header describes {expected} bytes, {data_bytes} are there")


def _view(data: bytes, start: int, entry: _Entry) -> AnyArray:
    flat = np.frombuffer(data, dtype=_TYPES[entry.dtype], count=math.prod(entry.shape), offset=start + entry.begin)
    view: AnyArray = flat.reshape(entry.shape)
    return view
