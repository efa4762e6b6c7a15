"""Exports over HTTP: made for who asks, and streamed."""

from collections.abc import AsyncIterator
from typing import Annotated, BinaryIO

from fastapi import APIRouter, Path, Query
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from hosting.access.endpoint import endpoint
from hosting.web.entity_tags import UNCHANGED, KnownTags, unchanged
from hosting.web.openapi import BINARY, OCTETS, answered_as, problems
from server.export.options import ExportDtype, ExportFormat, ExportOptions
from server.export.worker import Exported
from server.http.parts import Server
from server.http.route_declarations import EXPORT_VERSION

_CHUNK_BYTES = 2**20
_ANSWERS = (
    answered_as(
        {OCTETS: BINARY, "application/zip": BINARY},
        description="as asked; several files as one archive",
        headers=("ETag", "Content-Disposition", "X-Task-Version", "X-Top1-Agreement"),
    )
    | problems((501, 504))
    | UNCHANGED
)


def add_exports(router: APIRouter, server: Server) -> None:
    @endpoint(router, EXPORT_VERSION, response_class=StreamingResponse, responses=_ANSWERS)
    def export(
        task: str,
        version: Annotated[int, Path(ge=1)],
        known: KnownTags,
        format: Annotated[ExportFormat, Query(description="of the file")],
        dtype: Annotated[ExportDtype, Query(description="of the weights")] = ExportDtype.fp32,
    ) -> Response:
        """The network of a version as a file for other runtimes. Made for every request, which takes seconds; one at
        a time."""
        parts, options = server.parts, ExportOptions(format=format, dtype=dtype)
        registry = parts.routing.registry
        record = registry.version_record(task, version)
        headers = {
            "ETag": f'W/"{record.digest}-{format}-{dtype}"',  # weak: other releases of the libraries, other bytes
            "Content-Disposition": f'attachment; filename="{options.file_name(record.task, record.version)}"',
            "X-Task-Version": str(record.version),
        }
        if (same := unchanged(headers, known)) is not None:
            return same
        made = parts.exports.export(record, registry.read_bundle(record), options, chain=registry.read_chain(record))
        return StreamingResponse(_chunks(made.file), media_type=options.media_type, headers=headers | _about(made))


def _about(made: Exported) -> dict[str, str]:
    return {"Content-Length": str(made.size_bytes), "X-Top1-Agreement": f"{made.top1_agreement:g}"}


async def _chunks(file: BinaryIO) -> AsyncIterator[bytes]:
    with file:
        while chunk := await run_in_threadpool(file.read, _CHUNK_BYTES):
            yield chunk
