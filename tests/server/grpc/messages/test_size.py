"""What is too much is told from the bytes; limits are lowered here rather than messages made large."""

import re

import hypothesis
import pytest
from google.protobuf.message import DecodeError
from hypothesis import strategies

from server.errors import RequestMalformed
from server.grpc.messages import size
from server.grpc.messages.protocol import Message, protocol
from server.grpc.messages.size import check_infer_request

PARTS, BYTES = 40, 200


@pytest.fixture(autouse=True)
def _low_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(size, "SMALL_BYTES", 10)
    monkeypatch.setattr(size, "_MOST_PARTS", PARTS)
    monkeypatch.setattr(size, "_MOST_TYPED_BYTES", BYTES)
    monkeypatch.setattr(size, "_MOST_OTHER_BYTES", BYTES)


def message(**fields: object) -> Message:
    return protocol().methods["ModelInfer"].request(model_name="signs", **fields)


def typed(**contents: object) -> Message:
    request = message()
    request.inputs.add(name="image", datatype="BYTES", shape=[1]).contents.MergeFrom(
        request.InferInputTensor(contents=contents).contents
    )
    return request


@pytest.mark.parametrize(
    "asked",
    [
        message(raw_input_contents=[bytes(100_000)]),
        typed(bytes_contents=[bytes(100_000), b""]),
        typed(uint_contents=range(100)),
        typed(fp64_contents=[0.5] * 20),
    ],
    ids=["raw", "bytes", "packed", "fixed"],
)
def test_large_tensors_pass(asked: Message) -> None:
    check_infer_request(asked.SerializeToString())


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (message(raw_input_contents=[b""] * PARTS), f"more than {PARTS} parts"),
        (typed(bytes_contents=[b""] * PARTS), f"more than {PARTS} parts"),
        (typed(uint_contents=range(BYTES)), "send raw_input_contents"),
        (typed(fp64_contents=[0.5] * 30), "send raw_input_contents"),
        (message(id="x" * BYTES), "in no tensor"),
    ],
    ids=["raw parts", "parts of an input", "packed", "fixed", "id"],
)
def test_what_would_become_much_more_than_its_bytes_is_refused(asked: Message, reason: str) -> None:
    with pytest.raises(RequestMalformed, match=reason):
        check_infer_request(asked.SerializeToString())


def test_small_messages_are_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(size, "SMALL_BYTES", 1000)
    check_infer_request(message(raw_input_contents=[b""] * PARTS).SerializeToString())


@hypothesis.given(strategies.binary(min_size=11, max_size=60))
@hypothesis.example(b"\xf9\0" + bytes(8) + b"-\1\0\0\0\xed\0" + bytes(4))  # what is tensors elsewhere, as a number
def test_what_the_walk_refuses_for_its_form_the_parser_refuses_too(raw: bytes) -> None:
    try:
        check_infer_request(raw)
    except RequestMalformed as refusal:
        # Groups, types 3 and 4, are none of the protocol's, but the parser passes over them.
        if re.search("ends within|wire type [67]", refusal.reason):
            with pytest.raises(DecodeError):
                protocol().methods["ModelInfer"].request.FromString(raw)
