"""The file of a version, made of what a service says of it."""

import urllib.parse
from dataclasses import dataclass

from nettailor_client import Client
from registry.journal.records import now
from registry.versions.version_file import Origin, Period, pack


@dataclass(frozen=True, kw_only=True)
class Packed:
    version: int
    digest: str
    attachments: int
    data: bytes


def packed_version(client: Client, task: str, version: int) -> Packed:
    """The client compares everything that it reads with its digest. Raises `ClientError`, `AttachmentsTooMany`."""
    lineage = client.lineage(task, version)
    attachments = {name: client.attachment(task, version, name) for name in sorted(lineage.attachments)}
    origin = Origin(
        service=_without_password(client.url),
        packed_at=now(),
        task=task,
        version=version,
        digest=lineage.digest,
        published_at=lineage.published_at,
        actor=lineage.actor,
        job=lineage.job,
        note=lineage.note,
        tags=lineage.tags,
        aliases=lineage.aliases,
        live=[Period(since=period.since, until=period.until) for period in lineage.live],
        attachments={},  # `pack` fills them in
    )
    data = pack(origin, client.bundle(task, version), attachments)
    return Packed(version=version, digest=lineage.digest, attachments=len(attachments), data=data)


def _without_password(url: str) -> str:
    parts = urllib.parse.urlsplit(url)
    return urllib.parse.urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
