"""Attachments over HTTP. What they hold is not trusted: a page among them runs nothing and loads nothing."""

from typing import Annotated

from fastapi import APIRouter, Path, Response

from hosting.access.endpoint import endpoint
from hosting.web.openapi import BINARY, OCTETS, TEXT, answered
from registry.http import route_declarations as declared
from registry.journal.records import VersionRecord
from registry.registry import Registry
from registry.versions.attachments import REPORT, media_type, read

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; img-src data:; style-src 'unsafe-inline'; sandbox",
    "X-Content-Type-Options": "nosniff",
}

_PAGE = answered("text/html", TEXT)
_FILE = answered(OCTETS, BINARY, description="of the media type that its suffix names")

VersionNumber = Annotated[int, Path(ge=1)]


def add_attachments(routes: APIRouter, registry: Registry) -> None:
    @endpoint(routes, declared.READ_ATTACHMENT, response_class=Response, responses=_FILE)
    def read_attachment(task: str, version: VersionNumber, name: str) -> Response:
        return answer(registry.version_record(task, version), name)

    @endpoint(routes, declared.READ_REPORT, response_class=Response, responses=_PAGE)
    def read_report(task: str, version: VersionNumber) -> Response:
        """How the version was made: a page to look at."""
        return answer(registry.version_record(task, version), REPORT)

    @endpoint(routes, declared.READ_LIVE_REPORT, response_class=Response, responses=_PAGE)
    def read_live_report(task: str) -> Response:
        """Of the live version."""
        return answer(registry.resolve(task), REPORT)

    def answer(record: VersionRecord, name: str) -> Response:
        data = read(registry.blobs, record, name)
        headers = HEADERS | {"ETag": f'"{record.attachments[name]}"', "X-Task-Version": str(record.version)}
        return Response(data, media_type=media_type(name), headers=headers)
