"""Which arrays are labels, and what they say."""

import gzip
import io

import numpy as np
import pytest

from benchmarks.exports.array_files import Array, idx, npy
from trainer.intake.arrays.header import ArrayUnreadable
from trainer.intake.arrays.label_array import read_labels
from trainer.intake.upload import Document


def document(data: bytes, name: str = "y.npy") -> Document:
    return Document(parts=(name,), size_bytes=len(data), offset=0, spool=io.BytesIO(data))


@pytest.mark.parametrize(
    ("array", "labels"),
    [
        (np.array([0, 2, 1]), ["0", "2", "1"]),
        (np.array([-1, 300], ">i2"), ["-1", "300"]),
        (np.array([2**63], np.uint64), [str(2**63)]),
        (np.array([0.0, 2.0]), ["0", "2"]),
        (np.array([True, False]), ["1", "0"]),
        (np.array([[5], [6]]), ["5", "6"]),
        (np.array([[0, 0, 1], [1, 0, 0]]), ["2", "0"]),
        (np.array([[0.0, 1.0], [1.0, 0.0]], np.float32), ["1", "0"]),
        (np.array([" cat ", "cafe\u0301"]), ["cat", "caf\u00e9"]),
        (np.array(["\ud800x"]), ["?x"]),
        (np.array([b"cat", b"\xff"]), ["cat", "\ufffd"]),
        (np.array([0.5, 1.0]), None),
        (np.array([np.nan, 1.0]), None),
        (np.array([[0, 1], [1, 1]]), None),
        (np.array([[0.2, 0.8]]), None),
        (np.zeros((2, 2, 2)), None),
        (np.array([]), None),
        (np.array(3), None),
        (np.array([["a", "b"]]), None),
    ],
)
def test_labels(array: Array, labels: list[str] | None) -> None:
    assert read_labels(document(npy(array)), 100) == labels


def test_idx_files_of_labels() -> None:
    data = idx(np.array([3, 1], np.uint8))
    assert read_labels(document(data, "train-labels-idx1-ubyte"), 100) == ["3", "1"]
    assert read_labels(document(gzip.compress(data, mtime=0), "train-labels-idx1-ubyte.gz"), 100) == ["3", "1"]


def test_more_labels_than_there_can_be_images_are_none() -> None:
    assert read_labels(document(npy(np.zeros(101, np.uint8))), 100) is None


@pytest.mark.parametrize(
    "data",
    [
        npy(np.zeros(9))[:-1],
        npy(np.zeros(9)).replace(b"(9,)", b"(99,)").replace(b" \n", b"\n"),
        gzip.compress(idx(np.zeros(9, np.uint8)), mtime=0)[:-12],
        gzip.compress(idx(np.zeros(9, np.uint8)), mtime=0)[:12] + b"\xff" * 9,
        b"\x1f\x8b" + bytes(20),
        b"hello",
        b"",
    ],
)
def test_what_is_cut_off_or_something_else(data: bytes) -> None:
    with pytest.raises(ArrayUnreadable):
        read_labels(document(data), 100)


def test_a_bomb_is_unpacked_no_further_than_it_says_itself() -> None:
    bomb = gzip.compress(idx(np.zeros(9, np.uint8)) + bytes(50_000_000))
    assert read_labels(document(bomb), 100) == ["0"] * 9
