"""Everything a registry's index holds, to compare."""

from dataclasses import dataclass

from registry.journal.index import TaskState
from registry.journal.records import PolicySet, Record, VersionAnnotated, VersionRecord
from registry.registry import Registry


@dataclass(frozen=True, kw_only=True)
class TaskContents:
    state: TaskState
    published: list[VersionRecord]
    history: list[Record]
    policy: PolicySet | None
    annotations: dict[int, VersionAnnotated]


def contents(registry: Registry) -> dict[str, TaskContents]:
    """Of every task that ever was."""
    index = registry.index
    return {
        task: TaskContents(
            state=index.state(task),
            published=index.all_published(task),
            history=index.history(task),
            policy=index.policy(task),
            annotations=index.annotations(task),
        )
        for task in index.known_tasks()
    }
