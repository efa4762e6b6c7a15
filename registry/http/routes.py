"""The handlers of the registry's routes: a thin shell over the library."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from hosting.access.actor import ANONYMOUS, Actor
from hosting.access.caller import require
from hosting.access.endpoint import endpoint
from hosting.disk.reserve import NO_RESERVE, DiskReserve
from hosting.web.entity_tags import UNCHANGED, KnownTags, unchanged
from hosting.web.openapi import BINARY, OCTETS, answered, takes
from nettailor.bundle.safetensors_file import DEFAULT_LIMITS
from nettailor.plain_text import PlainText
from registry.http import route_declarations as declared
from registry.http.attachment_routes import add_attachments
from registry.http.backbone_routes import add_backbones
from registry.http.body import read_body
from registry.http.comparison_routes import add_comparison
from registry.http.schemas import (
    AliasMove,
    Annotate,
    HistoryEntry,
    Lineage,
    MoveAlias,
    Rollback,
    SetPolicy,
    Task,
    TaskDetail,
    TaskPolicy,
    Version,
    VersionSummary,
)
from registry.registry import LIVE, Registry
from registry.versions.aliases import ANY
from registry.versions.version_file import MEDIA_TYPE as VERSION_FILE

Reason = Annotated[PlainText, Query(max_length=2000)]
VersionNumber = Annotated[int, Path(ge=1)]
WantedTags = Annotated[
    list[str] | None, Query(alias="tag", max_length=64, description="`name=text`, or `name` for any text; all must fit")
]

_BUNDLE = answered(OCTETS, BINARY, headers=("ETag", "X-Task-Version")) | UNCHANGED
_BUNDLE_OR_FILE = takes(**{OCTETS: BINARY, VERSION_FILE: BINARY})


def router(
    registry: Registry, *, task_deleted: Callable[[str], None] = lambda task: None, reserve: DiskReserve = NO_RESERVE
) -> APIRouter:
    """Tasks, versions, aliases, deletion, backbones. The handlers are plain functions: they run in threads, off the
    loop.

    `task_deleted` is called with the name of a task that was just deleted here, before the request is answered. Other
    processes see the deletion in the history. What would touch the `reserve` of the disk is refused.
    """
    routes = APIRouter(tags=["registry"])
    _add_reading(routes, registry)
    _add_writing(routes, registry, reserve)
    _add_deleting(routes, registry, task_deleted)
    _add_judging(routes, registry)
    add_attachments(routes, registry)
    add_comparison(routes, registry)
    add_backbones(routes, registry, reserve)
    return routes


def _add_reading(routes: APIRouter, registry: Registry) -> None:
    @endpoint(routes, declared.LIST_TASKS)
    def list_tasks() -> list[Task]:
        return [Task.of(record) for record in registry.tasks()]

    @endpoint(routes, declared.READ_TASK)
    def read_task(task: str) -> TaskDetail:
        record = registry.task(task)
        live = record.aliases.get(LIVE)
        summary = None
        if live is not None:
            summary = VersionSummary.of(registry.version_record(task, live), registry.annotation(task, live))
        return TaskDetail(**dict(Task.of(record)), live=summary)

    @endpoint(routes, declared.LIST_VERSIONS)
    def list_versions(task: str, tag: WantedTags = None) -> list[VersionSummary]:
        return [VersionSummary.of(*found) for found in registry.described(task, tags=_wanted(tag or []))]

    @endpoint(routes, declared.READ_VERSION)
    def read_version(task: str, version: VersionNumber) -> Version:
        return Version.of(registry.version_record(task, version), registry.annotation(task, version))

    @endpoint(routes, declared.READ_LINEAGE)
    def read_lineage(task: str, version: VersionNumber) -> Lineage:
        return Lineage.of(registry.lineage(task, version))

    @endpoint(routes, declared.READ_BUNDLE, response_class=Response, responses=_BUNDLE)
    def read_bundle(task: str, version: VersionNumber, known: KnownTags) -> Response:
        record = registry.version_record(task, version)
        headers = {"ETag": f'"{record.digest}"', "X-Task-Version": str(record.version)}
        return unchanged(headers, known) or Response(registry.read_bundle(record), media_type=OCTETS, headers=headers)

    @endpoint(routes, declared.READ_HISTORY)
    def read_history(task: str) -> list[HistoryEntry]:
        return [HistoryEntry.of(record) for record in registry.history(task)]


def _add_writing(routes: APIRouter, registry: Registry, reserve: DiskReserve) -> None:
    @endpoint(routes, declared.PUBLISH_VERSION, status_code=201, openapi_extra=_BUNDLE_OR_FILE)
    async def publish_version(task: str, request: Request, note: Reason = "", x_actor: Actor = ANONYMOUS) -> Version:
        """The body is the bundle, or as `application/zip` a file of `nettailor registry pull`. The same bundle again
        answers with the version it already is."""
        data = await read_body(request, DEFAULT_LIMITS.size_bytes, reserve)
        publish = registry.publish_file if _media_type(request) == VERSION_FILE else registry.publish
        record = await run_in_threadpool(publish, task, data, actor=x_actor, note=note)
        return Version.of(record, await run_in_threadpool(registry.annotation, task, record.version))

    @endpoint(routes, declared.MOVE_ALIAS)
    def move_alias(task: str, alias: str, move: MoveAlias, x_actor: Actor = ANONYMOUS) -> AliasMove:
        if move.force:
            require("admin")  # who may set no policy may not overrule one
        expected = move.expected if "expected" in move.model_fields_set else ANY
        change = registry.promote(
            task, alias, move.version, expected=expected, actor=x_actor, reason=move.reason, force=move.force
        )
        return AliasMove.of(change)

    @endpoint(routes, declared.REMOVE_ALIAS)
    def remove_alias(task: str, alias: str, reason: Reason = "", x_actor: Actor = ANONYMOUS) -> AliasMove:
        return AliasMove.of(registry.unalias(task, alias, actor=x_actor, reason=reason))

    @endpoint(routes, declared.ROLL_BACK)
    def roll_back(task: str, ask: Rollback | None = None, x_actor: Actor = ANONYMOUS) -> AliasMove:
        ask = ask or Rollback()
        return AliasMove.of(registry.rollback(task, alias=ask.alias, actor=x_actor, reason=ask.reason))


def _add_deleting(routes: APIRouter, registry: Registry, task_deleted: Callable[[str], None]) -> None:
    @endpoint(routes, declared.DELETE_TASK, status_code=204)
    def delete_task(task: str, reason: Reason = "", x_actor: Actor = ANONYMOUS) -> None:
        registry.delete_task(task, actor=x_actor, reason=reason)
        task_deleted(task)

    @endpoint(routes, declared.DELETE_VERSION, status_code=204)
    def delete_version(task: str, version: VersionNumber, reason: Reason = "", x_actor: Actor = ANONYMOUS) -> None:
        registry.delete_version(task, version, actor=x_actor, reason=reason)


def _add_judging(routes: APIRouter, registry: Registry) -> None:
    """What people say of versions, and what they ask of them."""

    @endpoint(routes, declared.ANNOTATE_VERSION)
    def annotate_version(task: str, version: VersionNumber, change: Annotate, x_actor: Actor = ANONYMOUS) -> Version:
        annotation = registry.annotate(task, version, tags=change.tags, note=change.note, actor=x_actor)
        return Version.of(registry.version_record(task, version), annotation)

    @endpoint(routes, declared.READ_POLICY)
    def read_policy(task: str) -> TaskPolicy:
        return TaskPolicy.of(task, registry.policy_record(task))

    @endpoint(routes, declared.SET_POLICY)
    def set_policy(task: str, ask: SetPolicy, x_actor: Actor = ANONYMOUS) -> TaskPolicy:
        return TaskPolicy.of(task, registry.set_policy(task, ask.policy, actor=x_actor, reason=ask.reason))

    @endpoint(routes, declared.CLEAR_POLICY, status_code=204)
    def clear_policy(task: str, reason: Reason = "", x_actor: Actor = ANONYMOUS) -> None:
        registry.set_policy(task, None, actor=x_actor, reason=reason)


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _wanted(tags: list[str]) -> list[tuple[str, str | None]]:
    """`a=b` asks for a tag and its text, `a` for a tag."""
    return [(name, text if equals else None) for name, equals, text in (tag.partition("=") for tag in tags)]
