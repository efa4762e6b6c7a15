"""Arrays whose items are labels: numbers, words, or rows of which one place is 1."""

import gzip
import zlib
from collections.abc import Sequence
from typing import BinaryIO, cast

import numpy as np
import numpy.typing as npt

from nettailor.normal_form import nfc
from trainer.intake.arrays import idx
from trainer.intake.arrays.header import ArrayHeader, ArrayUnreadable
from trainer.intake.arrays.npy import MAGIC, read_npy_header
from trainer.intake.arrays.streams import read_exactly
from trainer.intake.upload import DOCUMENT_BYTES, Document

SUFFIXES = (".npy", *idx.SUFFIXES)
_GZIP = b"\x1f\x8b"
_MOST_COLUMNS = 10_000  # of one-hot rows
_MOST_CHARACTERS = 1000  # of a label


def read_labels(document: Document, most_rows: int) -> Sequence[str] | None:
    """The labels of the images in their order; None where the array holds none. Raises ArrayUnreadable."""
    packed = document.head(2) == _GZIP
    file = cast(BinaryIO, gzip.GzipFile(fileobj=document.file())) if packed else document.file()
    try:
        header = read_npy_header(file) if document.head(len(MAGIC)) == MAGIC else idx.read_idx_header(file)
        if not _may_be_labels(header, most_rows):
            return None
        values = np.frombuffer(read_exactly(file, header.size_bytes), header.dtype).reshape(header.shape)
    except (OSError, EOFError, zlib.error):
        raise ArrayUnreadable("its compressed stream is damaged") from None
    return _labels(values)


def _may_be_labels(header: ArrayHeader, most_rows: int) -> bool:
    """By what the header claims: (N), (N, 1), or (N, classes)."""
    shape = header.shape
    if len(shape) not in {1, 2} or not 0 < shape[0] <= most_rows or header.size_bytes > DOCUMENT_BYTES:
        return False
    is_text = header.dtype.kind in "US"
    return len(shape) == 1 or shape[1] == 1 or (not is_text and 1 < shape[1] <= _MOST_COLUMNS)


def _labels(values: npt.NDArray[np.generic]) -> Sequence[str] | None:
    if values.ndim == 2 and values.shape[1] > 1:
        return _one_hot(values)
    items = values.reshape(-1)
    if items.dtype.kind in "US":
        return [_text(item) for item in items.tolist()]
    if not np.isfinite(items.astype(np.float64)).all() or (items.astype(np.float64) % 1).any():
        return None
    return [str(int(item)) for item in items.tolist()]


def _one_hot(rows: npt.NDArray[np.generic]) -> Sequence[str] | None:
    ones = rows == np.ones(1, rows.dtype)
    if (ones.sum(axis=1) != 1).any() or (ones | (rows == np.zeros(1, rows.dtype))).sum() != rows.size:
        return None
    return [str(place) for place in ones.argmax(axis=1).tolist()]


def _text(item: str | bytes) -> str:
    text = item.decode("utf-8", "replace") if isinstance(item, bytes) else item
    clean = text[:_MOST_CHARACTERS].encode("utf-8", "replace").decode()  # arrays can hold halves of characters
    return nfc(clean).strip()
