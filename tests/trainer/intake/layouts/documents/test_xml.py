"""XML of strangers: no entities, bounds, and time that grows with the size only."""

import io
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.intake.layouts.documents.xml import Element, read_xml
from trainer.intake.upload import Document, DocumentUnreadable


def document(data: bytes) -> Document:
    return Document(parts=("x.xml",), size_bytes=len(data), offset=0, spool=io.BytesIO(data))


def read(data: bytes, root: str = "a") -> list[Element]:
    return list(read_xml(document(data), root))


def test_children_of_the_root_with_what_is_in_them() -> None:
    first, second = read(b"<a> <b x='1' y='&lt;'> hi <c><d>deep</d></c> you </b><e/></a>")
    assert (first.name, first.attributes, first.text.split()) == ("b", {"x": "1", "y": "<"}, ["hi", "you"])
    assert first.text_of("c", "d") == "deep"
    assert (first.text_of("c", "e"), first.text_of("z"), second.children) == ("", "", [])
    assert [child.name for child in first.all("c")] == ["c"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1", "cp1252"])
def test_encodings_that_are_declared(encoding: str) -> None:
    (element,) = read(f'<?xml version="1.0" encoding="{encoding}"?><a><b>é</b></a>'.encode(encoding))
    assert element.text == "é"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not XML (no element found"),
        (b"hello", "not XML (syntax error: line 1, column 0)"),
        (b"<a><b></a>", "not XML (mismatched tag"),
        (b"<a><b>", "not XML (no element found"),
        (b"<b/>", "its root is 'b', not 'a'"),
        (b'<?xml version="1.0" encoding="x-none"?><a/>', "not XML (unknown encoding"),
        (b"<a>&b;</a>", "not XML (undefined entity"),
        (b"<!DOCTYPE a><a/>", "declares a document type"),
        (b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', "declares a document type"),
        (b"<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;</a>", "declares a document type"),
        (b"<a>" + b"<b>" * 40 + b"</b>" * 40 + b"</a>", "deeper than 32 elements"),
        (b"<a><b>" + b"<c/>" * 100_002 + b"</b></a>", "more than 100000 in one"),
        (b"<a><b " + b"x" * (3 << 20) + b"='1'/></a>", "a tag of more than 1048576 bytes"),
    ],
)
def test_what_is_refused_says_why(data: bytes, reason: str) -> None:
    with pytest.raises(DocumentUnreadable) as failure:
        read(data)
    assert reason in str(failure.value)


def test_text_is_kept_up_to_a_most() -> None:
    (element,) = read(b"<a><b>" + b"x\n" * (1 << 20) + b"</b></a>")
    assert 1 << 16 <= len(element.text) < 1 << 18


def test_children_are_dropped_as_they_are_read() -> None:
    data = b"<a>" + b"<b><c/></b>" * 200_000 + b"</a>"
    assert sum(len(element.children) for element in read_xml(document(data), "a")) == 200_000


@pytest.mark.parametrize(
    "data",
    [
        b"<a>" + b"<b x='1'/>" * 100_000 + b"</a>",
        b"<a><b>" + b"text &amp; " * 100_000 + b"</b></a>",
        b"<a><b x='" + b"y" * 1_000_000 + b"'/></a>",
        b"<a><!-- " + b"-x" * 400_000 + b" --></a>",
    ],
)
def test_a_million_bytes_take_a_moment(data: bytes) -> None:
    start = time.process_time()
    read(data)
    assert time.process_time() - start < 5


@settings(max_examples=300, deadline=None)
@given(data=st.one_of(st.binary(max_size=200), st.text("<>/ab&;!'\"=[]-", max_size=80).map(str.encode)))
def test_any_bytes_are_xml_or_not(data: bytes) -> None:
    try:
        elements = read(data)
    except DocumentUnreadable:
        return
    assert all(isinstance(element, Element) for element in elements)
