"""What aliases name: promote and roll back."""

from typing import Any, Literal

from nettailor_client.answers.tasks import AliasMove
from nettailor_client.body import json_body
from nettailor_client.operation import Operation
from nettailor_client.request import Request, path_of, query_of, read_as

# What an alias must name for a promote to happen: this version, no matter what, or nothing (there is no such alias).
Expected = int | Literal["anything", "nothing"]


class AliasRoutes:
    @Operation
    def promote(
        self,
        task: str,
        alias: str,
        version: int,
        *,
        expected: Expected = "anything",
        force: bool = False,
        reason: str = "",
    ) -> Request[AliasMove]:
        """Point an alias at a version if it names `expected` now. `force`, with a reason, passes the task's policy by.

        Where the policy is not passed, the `problem` of the `Conflict` has the evidence.
        """
        body: dict[str, Any] = {"version": version, "force": force, "reason": reason}
        if expected != "anything":
            body["expected"] = None if expected == "nothing" else expected
        return Request(
            method="PUT",
            path=path_of("tasks", task, "aliases", alias),
            body=json_body(body),
            parse=read_as(AliasMove),
            repeatable=expected == "anything",  # one that was done is no longer what is expected
        )

    @Operation
    def remove_alias(self, task: str, alias: str, *, reason: str = "") -> Request[AliasMove]:
        return Request(
            method="DELETE",
            path=path_of("tasks", task, "aliases", alias),
            query=query_of(reason=reason),
            parse=read_as(AliasMove),
            repeatable=False,
        )

    @Operation
    def rollback(self, task: str, alias: str = "live", *, reason: str = "") -> Request[AliasMove]:
        """Point an alias at what it named before. No policy is checked."""
        return Request(
            method="POST",
            path=path_of("tasks", task, "rollback"),
            body=json_body({"alias": alias, "reason": reason}),
            parse=read_as(AliasMove),
            repeatable=False,
        )
