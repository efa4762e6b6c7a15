"""Uploading datasets, looking at them, and what became of them."""

import uuid
from collections.abc import Mapping
from os import PathLike
from pathlib import Path

from nettailor_client.answers.datasets import Inspection
from nettailor_client.answers.jobs import Job
from nettailor_client.body import Bytes, File, Progress, unseen
from nettailor_client.operation import Operation
from nettailor_client.request import (
    Json,
    Request,
    Waiting,
    path_of,
    query_of,
    read_as,
    read_bytes,
    read_text,
    silently,
)

Archive = str | PathLike[str] | bytes
Options = Mapping[str, str | int | float | None]

NO_OPTIONS: Options = {}
_STORED_WITHIN_S = 600.0  # a large archive is stored and looked at before it is accepted


class DatasetRoutes:
    @Operation
    def upload(
        self,
        task: str,
        archive: Archive,
        *,
        options: Options = NO_OPTIONS,
        progress: Progress = unseen,
        waiting: Waiting = silently,
    ) -> Request[Job]:
        """Upload a zip or tar of images, by its path or as bytes, and queue the tailoring; the job.

        An option that is None is left to the service. While the service is away the upload is tried again, after a call
        of `waiting`; under the same idempotency key, so that one whose answer was lost starts one job, not two.
        """
        return Request(
            method="POST",
            path=path_of("tasks", task, "dataset"),
            query=query_of(**options),
            headers={"Idempotency-Key": uuid.uuid4().hex},
            body=_body(archive, progress),
            parse=read_as(Job),
            is_long=True,
            waiting=waiting,
            read_s=_STORED_WITHIN_S,
        )

    @Operation
    def inspect(
        self,
        archive: Archive,
        *,
        task: str | None = None,
        group_by: str | None = None,
        progress: Progress = unseen,
    ) -> Request[Inspection]:
        """What the service would make of a dataset; nothing is kept or queued. A key that is limited to tasks has to
        name one of them."""
        return Request(
            method="POST",
            path="/datasets/inspect",
            query=query_of(task=task, group_by=group_by),
            body=_body(archive, progress),
            parse=read_as(Inspection),
            read_s=None,
        )

    @Operation
    def dataset(self, job: str) -> Request[Json]:
        """What became of a job's upload: counts, sizes, formats, duplicates, every file that was left out and why."""
        return Request(method="GET", path=path_of("jobs", job, "dataset"), parse=read_as(Json))

    @Operation
    def dataset_report(self, job: str) -> Request[str]:
        """The same as a page of HTML."""
        return Request(method="GET", path=path_of("jobs", job, "dataset", "report"), parse=read_text)

    @Operation
    def contact_sheet(self, job: str) -> Request[bytes]:
        """A few training images of each class, as a JPEG."""
        return Request(method="GET", path=path_of("jobs", job, "dataset", "contact-sheet"), parse=read_bytes)


def _body(archive: Archive, progress: Progress) -> Bytes | File:
    return Bytes(data=archive) if isinstance(archive, bytes) else File(path=Path(archive), progress=progress)
