"""The body of an upload, raw or multipart, streamed to a file with its size capped; nothing of it stays in memory."""

import tempfile
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from python_multipart.exceptions import ParseError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.concurrency import run_in_threadpool

from trainer.errors import UploadEmpty, UploadMalformed, UploadTooLarge

GROUP_BY = "group_by"  # a form field beside the file: a pattern is awkward to write into a query

_FIELD = "file"
_BUFFER_BYTES = 1 << 20  # written at once: a thread hop a chunk of the network would cost more than the write
_FORM_OVERHEAD_BYTES = 1 << 16


@dataclass(frozen=True, kw_only=True)
class Body:
    """``file`` holds the archive, ``fields`` the other fields of a form that mean something."""

    file: Path
    fields: Mapping[str, str]


async def receive(body: AsyncIterator[bytes], headers: Mapping[str, str], folder: Path, limit_bytes: int) -> Body:
    """Write the upload to a new file in ``folder``; the caller deletes it.

    Raises UploadTooLarge (before reading, where the length is announced), UploadEmpty, UploadMalformed.
    """
    announced = headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > limit_bytes + _FORM_OVERHEAD_BYTES:
        raise UploadTooLarge(limit_bytes)
    path = await run_in_threadpool(_new_file, folder)
    fields: Mapping[str, str] = {}
    try:
        with path.open("wb") as file:
            sink = _Sink(file, limit_bytes)
            kind, options = parse_options_header(headers.get("content-type", ""))
            if kind == b"multipart/form-data":
                fields = await _receive_form(body, options.get(b"boundary", b""), sink)
            else:
                async for chunk in body:
                    await sink.write(chunk)
            await sink.finish()
        if not sink.size_bytes:
            raise UploadEmpty
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return Body(file=path, fields=fields)


def _new_file(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=folder, prefix="upload-", delete=False) as file:
        return Path(file.name)


class _Sink:
    def __init__(self, file: BinaryIO, limit_bytes: int) -> None:
        self._file = file
        self._limit_bytes = limit_bytes
        self._buffer = bytearray()
        self.size_bytes = 0

    def add(self, data: bytes) -> None:
        self.size_bytes += len(data)
        if self.size_bytes > self._limit_bytes:
            raise UploadTooLarge(self._limit_bytes)
        self._buffer += data

    async def write(self, data: bytes) -> None:
        self.add(data)
        await self.flush_if_full()

    async def flush_if_full(self) -> None:
        if len(self._buffer) >= _BUFFER_BYTES:
            await self.finish()

    async def finish(self) -> None:
        buffer, self._buffer = self._buffer, bytearray()
        await run_in_threadpool(self._file.write, buffer)
        await run_in_threadpool(self._file.flush)


class _Form:
    """Picks the bytes of the form field that holds the archive, and of those that say something about it."""

    def __init__(self, sink: _Sink) -> None:
        self._sink = sink
        self._header = bytearray()
        self._value = bytearray()
        self._field: str | None = None  # that is being read; None: one of no use
        self._texts: dict[str, bytearray] = {}
        self._seen: set[str] = set()

    def fields(self) -> dict[str, str]:
        """Raises UploadMalformed."""
        try:
            return {name: data.decode() for name, data in self._texts.items()}
        except UnicodeDecodeError:
            raise UploadMalformed("a form field that is not UTF-8") from None

    def on_part_begin(self) -> None:
        self._field = None

    def on_header_begin(self) -> None:
        self._header.clear()
        self._value.clear()

    def on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def on_header_end(self) -> None:
        if self._header.lower() == b"content-disposition":
            _, options = parse_options_header(bytes(self._value))
            name = options.get(b"name", b"").decode(errors="replace")
            if name in {_FIELD, GROUP_BY}:
                if name in self._seen:
                    raise UploadMalformed(f"more than one form field {name!r}")
                self._seen.add(name)
                self._field = name

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._field == _FIELD:
            self._sink.add(data[start:end])
        elif self._field is not None:
            self._texts.setdefault(self._field, bytearray()).extend(data[start:end])


async def _receive_form(body: AsyncIterator[bytes], boundary: bytes, sink: _Sink) -> dict[str, str]:
    """The fields beside the archive, which are at most ``_FORM_OVERHEAD_BYTES``."""
    if not boundary:
        raise UploadMalformed("a multipart body without a boundary")
    form = _Form(sink)
    names = (
        "on_part_begin",
        "on_header_begin",
        "on_header_field",
        "on_header_value",
        "on_header_end",
        "on_part_data",
    )
    try:
        parser = MultipartParser(boundary, {name: getattr(form, name) for name in names})  # type: ignore[arg-type]  # a TypedDict by cases
        ignored_bytes = 0
        async for chunk in body:
            before = sink.size_bytes
            parser.write(chunk)
            ignored_bytes += max(0, len(chunk) - (sink.size_bytes - before))
            if ignored_bytes > _FORM_OVERHEAD_BYTES:
                raise UploadMalformed(f"send the archive as the form field {_FIELD!r}")
            await sink.flush_if_full()
        parser.finalize()
        return form.fields()
    except ParseError as fault:
        raise UploadMalformed(f"damaged multipart form ({fault})") from None
