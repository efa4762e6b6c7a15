"""Versions of a task: what is said of them, where they come from, publishing more."""

from collections.abc import Mapping, Sequence
from typing import Literal

from nettailor_client.answers.comparisons import Comparison
from nettailor_client.answers.versions import Lineage, PointVersion, Version, VersionSummary
from nettailor_client.body import Bytes, json_body
from nettailor_client.operation import Operation
from nettailor_client.request import Json, Request, path_of, query_of, read_as, read_nothing


class VersionRoutes:
    @Operation
    def versions(self, task: str, *, tags: Sequence[str] = ()) -> Request[list[VersionSummary]]:
        """Those with all of these tags, each `name=text` or `name`."""
        return Request(
            method="GET",
            path=path_of("tasks", task, "versions"),
            query=tuple(("tag", tag) for tag in tags),
            parse=read_as(list[VersionSummary]),
        )

    @Operation
    def version(self, task: str, version: int) -> Request[Version]:
        """With the bundle's whole manifest."""
        return Request(method="GET", path=_path(task, version), parse=read_as(Version))

    @Operation
    def lineage(self, task: str, version: int) -> Request[Lineage]:
        return Request(method="GET", path=_path(task, version, "lineage"), parse=read_as(Lineage))

    @Operation
    def compare(self, task: str, versions: Sequence[int]) -> Request[Comparison]:
        """Compare the others with the first one, on the test images of the data set that all were tailored to."""
        return Request(
            method="GET",
            path=path_of("tasks", task, "compare"),
            query=query_of(versions=",".join(map(str, versions))),
            parse=read_as(Comparison),
        )

    @Operation
    def publish(self, task: str, bundle: bytes, *, note: str = "") -> Request[Version]:
        """Make a bundle the next version of the task; the same bytes again are the version they already are."""
        return Request(
            method="POST",
            path=path_of("tasks", task, "versions"),
            query=query_of(note=note),
            body=Bytes(data=bundle),
            parse=read_as(Version),
        )

    @Operation
    def publish_file(self, task: str, file: bytes, *, note: str = "") -> Request[Version]:
        """Publish a version from another installation: what `nettailor registry pull` wrote, with attachments and
        tags."""
        return Request(
            method="POST",
            path=path_of("tasks", task, "versions"),
            query=query_of(note=note),
            body=Bytes(data=file, media_type="application/zip"),
            parse=read_as(Version),
        )

    @Operation
    def annotate(
        self, task: str, version: int, *, tags: Mapping[str, str | None] | None = None, note: str | None = None
    ) -> Request[Version]:
        """Set tags (None removes one) and, if it is not None, the note."""
        body = json_body({"tags": dict(tags or {}), "note": note})
        return Request(method="PATCH", path=_path(task, version), body=body, parse=read_as(Version))

    @Operation
    def delete_version(self, task: str, version: int, *, reason: str = "") -> Request[None]:
        return Request(
            method="DELETE",
            path=_path(task, version),
            query=query_of(reason=reason),
            parse=read_nothing,
            repeatable=False,
        )

    @Operation
    def front(self, task: str, version: int) -> Request[list[Json]]:
        """Every network that was tried when the version was made, leanest last."""
        return Request(method="GET", path=_path(task, version, "front"), parse=read_as(list[Json], member="points"))

    @Operation
    def publish_point(
        self, task: str, version: int, k: int, *, alias: Literal["candidate", "live"] | None = None, reason: str = ""
    ) -> Request[PointVersion]:
        """Make another network of the front, that with `k` blocks removed, a version of the task."""
        return Request(
            method="POST",
            path=_path(task, version, "front", k),
            body=json_body({"alias": alias, "reason": reason}),
            parse=read_as(PointVersion),
        )


def _path(task: str, version: int, *further: str | int) -> str:
    return path_of("tasks", task, "versions", version, *further)
