"""Forms (`multipart/form-data`), read part by part as they come."""

from collections.abc import Callable, Mapping
from typing import Protocol

from python_multipart.decoders import Base64Decoder, QuotedPrintableDecoder
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from hosting.errors import FormInvalid

MEDIA_TYPE = "multipart/form-data"

_CALLBACKS = (
    "part_begin",
    "header_field",
    "header_value",
    "header_end",
    "headers_finished",
    "part_data",
    "part_end",
    "end",
)


class _LinesOfBase64(Base64Decoder):
    """Leaves out breaks between lines, which base64 of MIME has (RFC 2045, 6.8) and the decoder counts as digits."""

    def write(self, data: bytes) -> int:
        return super().write(data.translate(None, b"\r\n"))


_DECODERS: Mapping[bytes, type[Base64Decoder | QuotedPrintableDecoder]] = {
    b"base64": _LinesOfBase64,
    b"quoted-printable": QuotedPrintableDecoder,
}
_AS_IT_IS = (b"binary", b"8bit", b"7bit")


class Sink(Protocol):
    """What takes the data of a part."""

    def write(self, data: bytes, /) -> object: ...


class _Nowhere:
    def write(self, data: bytes) -> int:
        return len(data)


class FormReader:
    """Ask `sink_of` where the data of each part goes, by the part's name; None where it is of no use. What it raises
    passes through. More than `most_parts` parts are refused as soon as they are seen: each costs more than its bytes.

    Raises `FormInvalid`, as its methods do.
    """

    def __init__(self, content_type: str, sink_of: Callable[[str], Sink | None], *, most_parts: int) -> None:
        self._sink_of = sink_of
        self._most_parts = most_parts
        self._parts = 0
        self._name = bytearray()
        self._value = bytearray()
        self._headers: dict[bytes, bytes] = {}
        self._sink: Sink = _Nowhere()
        self._decoder: Base64Decoder | QuotedPrintableDecoder | None = None
        self._has_ended = False
        _, options = parse_options_header(content_type)
        boundary = options.get(b"boundary")
        if not boundary:
            raise FormInvalid("multipart without a boundary")
        callbacks = {f"on_{name}": getattr(self, f"_on_{name}") for name in _CALLBACKS}
        try:
            self._parser = MultipartParser(boundary, callbacks)  # type: ignore[arg-type]  # a TypedDict by cases
        except FormParserError as failure:
            raise FormInvalid(str(failure)) from failure

    def write(self, data: bytes) -> None:
        try:
            self._parser.write(data)
        except FormParserError as failure:
            raise FormInvalid(str(failure)) from failure

    def finish(self) -> None:
        """The body has ended."""
        if not self._has_ended:
            raise FormInvalid("it ends before its last boundary")

    def _on_part_begin(self) -> None:
        self._parts += 1
        if self._parts > self._most_parts:
            raise FormInvalid(f"more than {self._most_parts} parts")
        self._headers.clear()

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header_end(self) -> None:
        self._headers[bytes(self._name).lower()] = bytes(self._value).strip(b" \t")
        self._name.clear()
        self._value.clear()

    def _on_headers_finished(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition"))
        name = options.get(b"name", b"").decode("utf-8", "replace")
        coding = self._headers.get(b"content-transfer-encoding", b"binary").lower()
        if coding not in (*_AS_IT_IS, *_DECODERS):
            raise FormInvalid(f"a part with Content-Transfer-Encoding {coding.decode('latin-1')!r}")
        sink = self._sink_of(name) or _Nowhere()
        self._decoder = _DECODERS[coding](sink) if coding in _DECODERS else None
        self._sink = self._decoder or sink

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        self._sink.write(data[start:end])

    def _on_part_end(self) -> None:
        if self._decoder is not None:
            self._decoder.finalize()

    def _on_end(self) -> None:
        self._has_ended = True
