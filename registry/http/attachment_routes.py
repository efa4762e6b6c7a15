"""Attachments over HTTP. What they hold is not trusted: a page among them runs nothing and loads nothing."""

from typing import Annotated

from fastapi import APIRouter, Path, Response

from hosting.access.endpoint import endpoint
from hosting.web.entity_tags import UNCHANGED, KnownTags, unchanged
from hosting.web.openapi import BINARY, OCTETS, TEXT, answered, answered_as
from nettailor.bundle.bundle import digest_of
from registry.http import route_declarations as declared
from registry.http.report_heading import with_heading
from registry.journal.records import VersionRecord
from registry.registry import Registry
from registry.versions.attachments import REPORT, digest_in, media_type, read

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; img-src data:; style-src 'unsafe-inline'; sandbox",
    "X-Content-Type-Options": "nosniff",
}

_OF_A_VERSION = ("ETag", "X-Task-Version")
_PAGE = answered("text/html", TEXT, headers=_OF_A_VERSION) | UNCHANGED
_KINDS = {
    OCTETS: BINARY,
    **dict.fromkeys(("image/jpeg", "image/png"), BINARY),
    "text/html": TEXT,
    "application/json": {"description": "whatever it holds"},
}
_FILE = answered_as(_KINDS, description="as the suffix of its name says", headers=_OF_A_VERSION) | UNCHANGED

VersionNumber = Annotated[int, Path(ge=1)]


def add_attachments(routes: APIRouter, registry: Registry) -> None:
    @endpoint(routes, declared.READ_ATTACHMENT, response_class=Response, responses=_FILE)
    def read_attachment(task: str, version: VersionNumber, name: str, known: KnownTags) -> Response:
        record = registry.version_record(task, version)
        headers = _headers(record, digest_in(record, name))
        return unchanged(headers, known) or Response(
            read(registry.blobs, record, name), media_type=media_type(name), headers=headers
        )

    @endpoint(routes, declared.READ_REPORT, response_class=Response, responses=_PAGE)
    def read_report(task: str, version: VersionNumber, known: KnownTags) -> Response:
        """How the version was made: a page to look at."""
        return report_on(registry.version_record(task, version), known)

    @endpoint(routes, declared.READ_LIVE_REPORT, response_class=Response, responses=_PAGE)
    def read_live_report(task: str, known: KnownTags) -> Response:
        """Of the live version."""
        return report_on(registry.resolve(task), known)

    def report_on(record: VersionRecord, known: KnownTags) -> Response:
        task, page = record.task, read(registry.blobs, record, REPORT)
        headed = with_heading(page, registry.lineage(task, record.version), registry.history(task))
        headers = _headers(record, digest_of(headed))
        return unchanged(headers, known) or Response(headed, media_type=media_type(REPORT), headers=headers)


def _headers(record: VersionRecord, digest: str) -> dict[str, str]:
    return HEADERS | {"ETag": f'"{digest}"', "X-Task-Version": str(record.version)}
