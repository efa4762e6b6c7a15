"""Backbones over HTTP: weights that every server and trainer of this registry can use."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool

from hosting.access.actor import ANONYMOUS, Actor
from hosting.access.endpoint import endpoint
from hosting.disk.reserve import DiskReserve
from hosting.web.openapi import BINARY, OCTETS, problems, takes
from nettailor.bundle.backbone_file import LIMITS
from nettailor.plain_text import PlainText
from registry.http import route_declarations as declared
from registry.http.body import read_body
from registry.http.schemas import Backbone
from registry.registry import Registry

Reason = Annotated[PlainText, Query(max_length=2000)]


def add_backbones(routes: APIRouter, registry: Registry, reserve: DiskReserve) -> None:
    @endpoint(routes, declared.LIST_BACKBONES, responses=problems([424]))
    def list_backbones() -> list[Backbone]:
        """Those that were added; the one that servers start with is a setting of theirs."""
        return [Backbone.of(record) for record in registry.backbones.all()]

    @endpoint(routes, declared.ADD_BACKBONE, never=[404], openapi_extra=takes(**{OCTETS: BINARY}))
    async def add_backbone(backbone: str, request: Request, note: Reason = "", x_actor: Actor = ANONYMOUS) -> Backbone:
        """The body is the canonical file, as `nettailor backbone add` makes it of what training tools write. The same
        weights again change nothing."""
        data = await read_body(request, LIMITS.size_bytes, reserve)
        return Backbone.of(await run_in_threadpool(registry.add_backbone, backbone, data, actor=x_actor, note=note))

    @endpoint(routes, declared.REMOVE_BACKBONE, status_code=204)
    def remove_backbone(backbone: str, reason: Reason = "", x_actor: Actor = ANONYMOUS) -> None:
        """Refused while a version needs it."""
        registry.remove_backbone(backbone, actor=x_actor, reason=reason)
