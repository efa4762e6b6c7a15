"""One JSON value a line."""

import io

import pytest

from trainer.intake.layouts.documents.json_lines import read_json_lines
from trainer.intake.upload import Document, DocumentUnreadable


def document(data: bytes) -> Document:
    return Document(parts=("x.jsonl",), size_bytes=len(data), offset=0, spool=io.BytesIO(data))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_values_with_their_lines(encoding: str) -> None:
    data = '{"a": 1}\r\n\n[2]\n'.encode(encoding)
    assert list(read_json_lines(document(data))) == [("line 1", {"a": 1}), ("line 3", [2])]


@pytest.mark.parametrize("line", ["{", "[" * 50_000, "a", "1" * 5000])
def test_what_is_none_is_told_with_its_line(line: str) -> None:
    with pytest.raises(DocumentUnreadable, match="line 2: not JSON"):
        list(read_json_lines(document(f"1\n{line}".encode())))
