"""What `nettailor tasks` prints."""

from collections.abc import Sequence

from rich.console import RenderableType
from rich.text import Text

from cli.render.table import new_table, number, whole, with_notes
from nettailor_client.answers.tasks import Task

_NONE = "no tasks yet; `nettailor tailor DATA --task NAME` makes one"


def tasks_table(tasks: Sequence[Task]) -> RenderableType:
    """Below it, why tasks cannot be read."""
    if not tasks:
        return Text(_NONE)
    table = new_table("Tasks", "task", whole("method"), number("latest"), "aliases")
    for task in tasks:
        aliases = ", ".join(f"{alias} -> {version}" for alias, version in sorted(task.aliases.items()))
        table.add_row(task.task, task.method, str(task.latest), aliases)
    return with_notes(table, {task.task: task.unread for task in tasks if task.unread})
