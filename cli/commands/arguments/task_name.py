"""The name of a task that is to be made: looked at before anything is packed or uploaded."""

import re

import typer

_MOST_CHARACTERS = 63


def checked_task_name(name: str) -> str:
    """Raises `typer.BadParameter`, with a name that would do."""
    from nettailor.bundle.manifest import TASK_NAME  # pydantic models: not for every `nettailor --help`

    if re.match(TASK_NAME, name) and "\n" not in name:
        return name
    rule = "lower-case letters, digits, '.', '_' and '-', 63 at most, the first a letter or a digit"
    similar = re.sub(r"[^a-z0-9._-]+", "-", name.lower()).strip("._-")[:_MOST_CHARACTERS]
    advice = f"; {similar!r} would do" if similar else ""
    raise typer.BadParameter(f"{name!r} cannot name a task: {rule}{advice}")
