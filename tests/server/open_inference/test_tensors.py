import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.errors import RequestMalformed
from server.open_inference.datatypes import joined_elements, split_elements
from server.open_inference.tensors import OutputTensor, bytes_input, raw_input


@given(st.lists(st.binary(max_size=20), max_size=8))
def test_elements_are_what_they_were(elements: list[bytes]) -> None:
    assert list(split_elements(joined_elements(elements), len(elements), where="x")) == elements


def test_elements_have_their_lengths_before_them() -> None:
    assert joined_elements([b"ab", b""]) == b"\x02\0\0\0ab\0\0\0\0"


@pytest.mark.parametrize(
    ("raw", "count", "reason"),
    [
        (b"", 1, "element 0 of 1 is not there"),
        (b"\x02\0\0", 1, "element 0 of 1 is not there"),
        (b"\x02\0\0\0a", 1, "element 0 says it has 2 bytes, 1 follow"),
        (b"\x01\0\0\0a", 2, "element 1 of 2 is not there"),
        (b"\x01\0\0\0ab", 1, "1 bytes follow the last of 1 elements"),
        (b"\xff\xd8\xff\xe0", 1, "every element needs its length before it"),
    ],
)
def test_elements_that_are_not_laid_out_so(raw: bytes, count: int, reason: str) -> None:
    with pytest.raises(RequestMalformed, match=reason) as refused:
        split_elements(raw, count, where="inputs.image.data")
    assert refused.value.where == "inputs.image.data"


@pytest.mark.parametrize(
    ("datatype", "shape", "raw", "where"),
    [
        ("STRING", [1], b"", "inputs.x.datatype"),
        ("UINT8", [-1], b"", "inputs.x.shape"),
        ("UINT8", [1] * 9, b"a", "inputs.x.shape"),
        ("UINT8", [2**21, 2**21], b"a", "inputs.x.shape"),
        ("UINT8", [2], b"a", "inputs.x.data"),
        ("FP32", [1], b"abc", "inputs.x.data"),
        ("UINT8", [], b"", "inputs.x.data"),
    ],
)
def test_what_disagrees_is_refused(datatype: str, shape: list[int], raw: bytes, where: str) -> None:
    with pytest.raises(RequestMalformed) as refused:
        raw_input("x", datatype, shape, raw)
    assert refused.value.where == where


def test_elements_that_came_one_by_one_are_counted() -> None:
    assert bytes_input("x", [2, 1], [b"a", b"b"]).elements() == (b"a", b"b")
    with pytest.raises(RequestMalformed, match=r"1 elements; shape \[2\] has 2"):
        bytes_input("x", [2], [b"a"])


def test_outputs_as_bytes_and_as_json() -> None:
    shares = OutputTensor(name="p", datatype="FP32", shape=(1, 2), data=np.array([[0.25, 0.75]], np.float32))
    assert shares.raw() == b"\0\0\x80\x3e\0\0\x40\x3f"
    assert shares.values() == [0.25, 0.75]
    label = OutputTensor(name="label", datatype="BYTES", shape=(1,), data=("stöp".encode(),))
    assert label.raw() == b"\x05\0\0\0st\xc3\xb6p"
    assert label.values() == ["stöp"]
