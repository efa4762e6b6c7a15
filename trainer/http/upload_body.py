"""The body of an upload, raw or multipart, streamed to a file with its size capped; nothing of it stays in memory."""

import os
import tempfile
from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from starlette.concurrency import run_in_threadpool

from hosting.disk.reserve import NO_RESERVE, DiskReserve
from hosting.errors import FormInvalid
from hosting.web.multipart import MEDIA_TYPE, FormReader, Sink
from nettailor.durable import hold
from trainer.errors import UploadEmpty, UploadMalformed, UploadTooLarge
from trainer.settings import UPLOAD_PREFIX

FILE = "file"  # the form field with the archive

_BUFFER_BYTES = 1 << 20  # written at once: a thread hop a chunk of the network would cost more than the write
_FORM_OVERHEAD_BYTES = 1 << 16
_NAME_CHARACTERS = 100  # of a field that nobody knows


@dataclass(frozen=True, kw_only=True)
class Body:
    """``file`` holds the archive, ``fields`` the other fields of a form, without those that were left empty.

    ``held`` is the same file, open: while it is, nobody takes the archive for one that a killed process has left.
    """

    file: Path
    fields: Mapping[str, str]
    held: BinaryIO

    def discard(self) -> None:
        self.file.unlink(missing_ok=True)
        self.held.close()


async def receive(
    body: AsyncIterator[bytes],
    headers: Mapping[str, str],
    folder: Path,
    limit_bytes: int,
    *,
    known: Collection[str] = (),
    reserve: DiskReserve = NO_RESERVE,
    copies: int = 1,
) -> Body:
    """Write the upload to a new file in ``folder``; the caller discards it, and makes so many ``copies`` of it in all.
    A form may have ``known`` fields beside it.

    Raises UploadTooLarge and InsufficientStorage (before reading, where the length is announced), UploadEmpty,
    UploadMalformed.
    """
    announced = headers.get("content-length", "")
    length = int(announced) if announced.isdecimal() else 0
    if length > limit_bytes + _FORM_OVERHEAD_BYTES:
        raise UploadTooLarge(limit_bytes)
    reserve.check(copies * length)
    path, file = await run_in_threadpool(_new_file, folder)
    try:
        sink = _Sink(file, limit_bytes, reserve)
        fields = await _receive_into(sink, body, headers.get("content-type", ""), known)
        if not sink.size_bytes:
            raise UploadEmpty
        reserve.check((copies - 1) * sink.size_bytes)
    except BaseException:
        path.unlink(missing_ok=True)
        file.close()
        raise
    return Body(file=path, fields={name: text for name, text in fields.items() if text}, held=file)


def _new_file(folder: Path) -> tuple[Path, BinaryIO]:
    folder.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=folder, prefix=UPLOAD_PREFIX)
    file = os.fdopen(descriptor, "wb", buffering=0)
    hold(file)
    return Path(name), file


async def _receive_into(
    sink: "_Sink", body: AsyncIterator[bytes], content_type: str, known: Collection[str]
) -> Mapping[str, str]:
    fields: Mapping[str, str] = {}
    if content_type.partition(";")[0].strip().lower() == MEDIA_TYPE:
        fields = await _receive_form(body, content_type, sink, known)
    else:
        async for chunk in body:
            sink.write(chunk)
            await sink.flush_if_full()
    await sink.finish()
    return fields


class _Sink:
    def __init__(self, file: BinaryIO, limit_bytes: int, reserve: DiskReserve) -> None:
        self._file = file
        self._limit_bytes = limit_bytes
        self._reserve = reserve
        self._buffer = bytearray()
        self.size_bytes = 0

    def write(self, data: bytes) -> None:
        """Into the buffer. Raises UploadTooLarge."""
        self.size_bytes += len(data)
        if self.size_bytes > self._limit_bytes:
            raise UploadTooLarge(self._limit_bytes)
        self._buffer += data

    async def flush_if_full(self) -> None:
        if len(self._buffer) >= _BUFFER_BYTES:
            await self.finish()

    async def finish(self) -> None:
        buffer, self._buffer = self._buffer, bytearray()
        await run_in_threadpool(self._put, buffer)

    def _put(self, buffer: bytearray) -> None:
        self._reserve.check(len(buffer))
        rest = memoryview(buffer)
        while rest:
            rest = rest[self._file.write(rest) :]


class _Form:
    """Takes the form field that holds the archive to its sink, and keeps those that say something about it."""

    def __init__(self, sink: _Sink, known: Collection[str]) -> None:
        self._sink = sink
        self._known = known
        self._texts: dict[str, BytesIO] = {}
        self._has_file = False

    def sink_of(self, name: str) -> Sink:
        """Raises UploadMalformed."""
        if name in self._texts or (name == FILE and self._has_file):
            raise UploadMalformed(f"more than one form field {name!r}")
        if name == FILE:
            self._has_file = True
            return self._sink
        if name not in self._known:
            raise UploadMalformed(
                f"the form field {name[:_NAME_CHARACTERS]!r}, which is neither {FILE!r} nor an option"
            )
        self._texts[name] = BytesIO()
        return self._texts[name]

    def fields(self) -> dict[str, str]:
        """Raises UploadMalformed."""
        try:
            return {name: text.getvalue().decode() for name, text in self._texts.items()}
        except UnicodeDecodeError:
            raise UploadMalformed("a form field that is not UTF-8") from None


async def _receive_form(
    body: AsyncIterator[bytes], content_type: str, sink: _Sink, known: Collection[str]
) -> dict[str, str]:
    """The fields beside the archive, which are at most ``_FORM_OVERHEAD_BYTES``."""
    form = _Form(sink, known)
    try:
        reader = FormReader(content_type, form.sink_of, most_parts=len(known) + 1)
        overhead_bytes = 0
        async for chunk in body:
            before = sink.size_bytes
            reader.write(chunk)
            overhead_bytes += max(0, len(chunk) - (sink.size_bytes - before))
            if overhead_bytes > _FORM_OVERHEAD_BYTES:
                raise UploadMalformed(f"send the archive as the form field {FILE!r}")
            await sink.flush_if_full()
        reader.finish()
        return form.fields()
    except FormInvalid as fault:
        raise UploadMalformed(f"damaged multipart form ({fault})") from None
