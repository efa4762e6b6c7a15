"""The front of a version over HTTP: what there is, and publishing another point of it."""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Path
from pydantic import BaseModel, ConfigDict, Field

from hosting.access.endpoint import endpoint
from nettailor.bundle.manifest import TaskName
from registry.http.schemas import Reason
from registry.policy.policy import Policy
from trainer.http import route_declarations as declared
from trainer.publishing.publish_point import PointAlias, publish_point
from trainer.recipe.pareto import read_front
from trainer.service import Service

VersionNumber = Annotated[int, Path(ge=1)]
BlocksRemoved = Annotated[int, Path(ge=0, le=999)]
Actor = Annotated[str, Header(alias="X-Actor", max_length=200, description="who asks; kept in the history")]


class FrontList(BaseModel):
    task: str
    version: int
    points: list[dict[str, Any]] = Field(description="the rows of the job's result; `version`: it is published as that")


class PublishPoint(BaseModel):
    """`alias`: what shall name the new version; `live` only if it passes the task's policy."""

    model_config = ConfigDict(extra="forbid")

    alias: PointAlias | None = None
    reason: Reason = ""


class PointVersion(BaseModel):
    """`alias` is null if none was asked for, or if `refused` says why it was not moved."""

    task: str
    version: int
    digest: str
    job: str | None
    alias: str | None
    refused: str | None


def add_front(routes: APIRouter, service: Service) -> None:
    registry = service.registry

    @endpoint(routes, declared.READ_FRONT)
    def read_the_front(task: TaskName, version: VersionNumber) -> FrontList:
        """Every network that was tried when the version was made, leanest last."""
        rows = read_front(registry.version_record(task, version), registry.blobs)
        published = {record.digest: record.version for record in registry.versions(task)}
        points = [row | {"version": published.get(str(row["digest"]))} for row in rows]
        return FrontList(task=task, version=version, points=points)

    @endpoint(routes, declared.PUBLISH_POINT, status_code=201)
    def publish_a_point(
        task: TaskName,
        version: VersionNumber,
        k: BlocksRemoved,
        ask: PublishPoint | None = None,
        x_actor: Actor = "anonymous",
    ) -> PointVersion:
        """Publish the point with `k` blocks removed as a version of the task."""
        ask = ask or PublishPoint()
        done = publish_point(
            registry,
            task,
            version,
            k,
            alias=ask.alias,
            actor=x_actor,
            reason=ask.reason or f"k={k} of the front of version {version}",
            default=Policy(max_drop=service.settings.publish_slack),
        )
        record = done.record
        return PointVersion(
            task=task,
            version=record.version,
            digest=record.digest,
            job=record.job,
            alias=done.alias,
            refused=done.refused,
        )
