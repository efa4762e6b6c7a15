"""Tasks, what is asked of their versions, and what happened to them."""

from nettailor_client.answers.tasks import HistoryEntry, Task, TaskDetail, TaskPolicy
from nettailor_client.body import json_body
from nettailor_client.operation import Operation
from nettailor_client.request import Request, path_of, query_of, read_as, read_nothing


class TaskRoutes:
    @Operation
    def tasks(self) -> Request[list[Task]]:
        return Request(method="GET", path="/tasks", parse=read_as(list[Task]))

    @Operation
    def task(self, task: str) -> Request[TaskDetail]:
        return Request(method="GET", path=path_of("tasks", task), parse=read_as(TaskDetail))

    @Operation
    def delete_task(self, task: str, *, reason: str = "") -> Request[None]:
        """With all its versions; its open jobs are cancelled."""
        return Request(
            method="DELETE",
            path=path_of("tasks", task),
            query=query_of(reason=reason),
            parse=read_nothing,
            repeatable=False,
        )

    @Operation
    def history(self, task: str) -> Request[list[HistoryEntry]]:
        """Everything that happened to it: who, when, what, why."""
        return Request(method="GET", path=path_of("tasks", task, "history"), parse=read_as(list[HistoryEntry]))

    @Operation
    def policy(self, task: str) -> Request[TaskPolicy]:
        return Request(method="GET", path=path_of("tasks", task, "policy"), parse=read_as(TaskPolicy))

    @Operation
    def set_policy(
        self,
        task: str,
        *,
        min_accuracy: float | None = None,
        max_drop: float | None = None,
        max_macs: float | None = None,
        allow_int8: bool = True,
        max_int8_drop: float | None = None,
        reason: str = "",
    ) -> Request[TaskPolicy]:
        """Replace the whole policy; nothing is required where None is given."""
        required = {"min_accuracy": min_accuracy, "max_drop": max_drop, "max_macs": max_macs}
        policy = required | {"reason": reason}
        if not allow_int8 or max_int8_drop is not None:  # else nothing, which services before int8 understand, too
            policy |= {"allow_int8": allow_int8, "max_int8_drop": max_int8_drop}
        path = path_of("tasks", task, "policy")
        return Request(method="PUT", path=path, body=json_body(policy), parse=read_as(TaskPolicy))

    @Operation
    def clear_policy(self, task: str, *, reason: str = "") -> Request[None]:
        path = path_of("tasks", task, "policy")
        return Request(method="DELETE", path=path, query=query_of(reason=reason), parse=read_nothing)
