"""The Pareto front of a version over HTTP: its points, and publishing another one of them."""

from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from hosting.access.actor import ANONYMOUS, Actor
from hosting.access.caller import require
from hosting.access.endpoint import endpoint
from hosting.web.json_body import JsonBody
from nettailor.bundle.manifest import TaskName
from registry.http.schemas import Reason
from registry.policy.policy import Policy
from trainer.http import route_declarations as declared
from trainer.publishing.publish_point import PointAlias, publish_point
from trainer.recipe.pareto import read_pareto_front
from trainer.service import Service

VersionNumber = Annotated[int, Path(ge=1)]
BlocksRemoved = Annotated[int, Path(ge=0, le=999)]


class ParetoFront(BaseModel):
    task: str
    version: int
    points: list[dict[str, Any]] = Field(description="the rows of the job's result; `version`: it is published as that")


class PublishPoint(JsonBody):
    """`alias` is to name the new version, which takes a key that may promote; `live` moves only if the version passes
    the task's policy."""

    alias: PointAlias | None = None
    reason: Reason = ""


class PointVersion(BaseModel):
    """`alias` is null if none was requested, or if it was not moved, which `refused` gives the reason for."""

    task: str
    version: int
    digest: str
    job: str | None
    alias: str | None
    refused: str | None


def add_pareto_front(routes: APIRouter, service: Service) -> None:
    registry = service.registry

    @endpoint(routes, declared.READ_FRONT)
    def read_front(task: TaskName, version: VersionNumber) -> ParetoFront:
        """Every network that was tried when the version was made, leanest last."""
        rows = read_pareto_front(registry.version_record(task, version), registry.blobs)
        published = {record.digest: record.version for record in registry.versions(task)}
        points = [row | {"version": published.get(str(row["digest"]))} for row in rows]
        return ParetoFront(task=task, version=version, points=points)

    @endpoint(routes, declared.PUBLISH_POINT, status_code=201, operation_id="publish_point")
    def publish_a_point(
        task: TaskName,
        version: VersionNumber,
        k: BlocksRemoved,
        wanted: PublishPoint | None = None,
        x_actor: Actor = ANONYMOUS,
    ) -> PointVersion:
        """Publish the point with `k` blocks removed as a version of the task."""
        wanted = wanted or PublishPoint()
        if wanted.alias is not None:
            require("promote")
        done = publish_point(
            registry,
            task,
            version,
            k,
            alias=wanted.alias,
            actor=x_actor,
            reason=wanted.reason or f"k={k} of the front of version {version}",
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
