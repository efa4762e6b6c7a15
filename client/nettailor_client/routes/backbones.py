"""Backbones that were added to the registry: weights for every server and trainer of a service."""

from nettailor_client.answers.backbones import Backbone
from nettailor_client.body import Bytes
from nettailor_client.operation import Operation
from nettailor_client.request import Request, path_of, query_of, read_as, read_nothing


class BackboneRoutes:
    @Operation
    def backbones(self) -> Request[list[Backbone]]:
        return Request(method="GET", path="/backbones", parse=read_as(list[Backbone]))

    @Operation
    def add_backbone(self, name: str, file: bytes, *, note: str = "") -> Request[Backbone]:
        """Store weights under a name. `file` is the canonical one, as `nettailor backbone add` makes it.

        The same weights again are the backbone that they already are.
        """
        return Request(
            method="PUT",
            path=path_of("backbones", name),
            query=query_of(note=note),
            body=Bytes(data=file),
            parse=read_as(Backbone),
        )

    @Operation
    def remove_backbone(self, name: str, *, reason: str = "") -> Request[None]:
        """Refused, as a `Conflict`, while a version needs it."""
        return Request(
            method="DELETE",
            path=path_of("backbones", name),
            query=query_of(reason=reason),
            parse=read_nothing,
            repeatable=False,
        )
