"""Everything a registry's index holds, to compare."""

from typing import Any

from registry.index import TaskState
from registry.records import Record
from registry.registry import Registry


def contents(registry: Registry) -> dict[str, tuple[TaskState, list[Any], list[Record]]]:
    """State, versions and history of every task that ever was."""
    index = registry.index
    return {task: (index.state(task), index.all_published(task), index.history(task)) for task in index.known_tasks()}
