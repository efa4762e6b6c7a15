"""Attachments of a version: files kept beside its bundle by name (a report, pictures, other points of its front)."""

import re
from collections.abc import Mapping
from pathlib import PurePosixPath

from registry.errors import AttachmentsTooMany, AttachmentUnknown, BlobMissing, NameInvalid
from registry.journal.records import VersionRecord
from registry.storage.blobs import Blobs

REPORT = "report.html"
REPORT_HEADING = "<!-- which version this is -->"  # where its page says that: no number is known when it is written
ATTACHMENT_LIMIT = 64  # of one version
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*(/[a-z0-9][a-z0-9._-]*)*")
_NAME_CHARACTERS = 100
_MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".jpg": "image/jpeg",
    ".json": "application/json",
    ".png": "image/png",
}


def checked(task: str, attachments: Mapping[str, str], blobs: Blobs) -> dict[str, str]:
    """The attachments as they go into the record. Raises `NameInvalid`, `AttachmentsTooMany`, `BlobMissing`."""
    if len(attachments) > ATTACHMENT_LIMIT:
        raise AttachmentsTooMany(task, ATTACHMENT_LIMIT)
    for name, digest in attachments.items():
        if len(name) > _NAME_CHARACTERS or not _NAME.fullmatch(name):
            raise NameInvalid("an attachment", name, _NAME_CHARACTERS, "; or several such names with '/' between them")
        if not blobs.exists(digest):
            raise BlobMissing(digest)
    return dict(attachments)


def digest_in(record: VersionRecord, name: str) -> str:
    """An attachment's. Raises `AttachmentUnknown`."""
    if name not in record.attachments:
        raise AttachmentUnknown(record.task, record.version, name)
    return record.attachments[name]


def read(blobs: Blobs, record: VersionRecord, name: str) -> bytes:
    """An attachment's bytes, their digest verified. Raises `AttachmentUnknown`, `BlobMissing`, `BlobCorrupt`."""
    return blobs.read(digest_in(record, name))


def media_type(name: str) -> str:
    """The media type by the suffix alone: the content must not decide what a browser does with it."""
    return _MEDIA_TYPES.get(PurePosixPath(name).suffix, "application/octet-stream")
