"""What every command prints can be had as JSON."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import typer

from cli.commands.output import as_line
from cli.main import app
from tests.answers import job, task


def _commands(group: Any, before: str = "") -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, f"{before}{name} ")
        else:
            yield f"{before}{name}", command


@pytest.mark.parametrize(("name", "command"), list(_commands(typer.main.get_command(app))), ids=str)
def test_every_command_has_json(name: str, command: Any) -> None:
    assert "--json" in [option for parameter in command.params for option in parameter.opts]


def test_answers_are_one_line() -> None:
    found = job(id="j\n")
    assert json.loads(as_line(found)) == {"id": "j\n", "task": "signs", "state": "queued"}
    assert json.loads(as_line([task(), {"a": 1}])) == [{"task": "signs", "latest": 1, "aliases": {}}, {"a": 1}]
    assert "\n" not in as_line(found)
