"""What `nettailor tasks` prints."""

from collections.abc import Sequence

from rich.table import Table

from cli.render.table import new_table
from nettailor_client.answers.tasks import Task


def tasks_table(tasks: Sequence[Task]) -> Table:
    table = new_table("Tasks", "task", "method", "latest", "aliases")
    for task in tasks:
        aliases = ", ".join(f"{alias} -> {version}" for alias, version in sorted(task.aliases.items()))
        table.add_row(task.task, task.method, str(task.latest), task.unread or aliases)
    return table
