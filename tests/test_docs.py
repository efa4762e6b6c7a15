"""Every setting and option of the command line is documented, nothing documented is gone, and no link is dead.

Metrics are compared by `tests/cli/service/test_up.py`, which has a service to scrape.
"""

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import typer
from pydantic_settings import BaseSettings

from cli.main import app
from hosting.settings.settings import Settings as RegistrySettings
from server.settings import ServerSettings
from tests.documented import OPERATIONS, ROOT, documented
from trainer.settings import Settings as TrainerSettings

_OPERATORS_OWN = "deploy/docker/settings.env"  # which compose reads where an operator wrote one
_PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
_SETTINGS: tuple[type[BaseSettings], ...] = (RegistrySettings, ServerSettings, TrainerSettings)


def _defaults() -> dict[str, str]:
    """As the table shows them: nothing for None, else Python's text."""
    found = {}
    for kind in _SETTINGS:
        for name, field in kind.model_fields.items():
            default = field.get_default(call_default_factory=True)
            text = "[]" if default == frozenset() else str(default)
            found[f"NETTAILOR_{name.upper()}"] = "" if default is None else f"`{text}`"
    return found


def test_settings_are_documented_with_their_defaults() -> None:
    assert {name: cells[1] for name, cells in documented("Settings").items()} == _defaults()


def test_every_setting_says_what_it_means() -> None:
    assert not [name for name, cells in documented("Settings").items() if len(cells[-1]) < 8]


def _parameters() -> list[tuple[str, Any]]:
    return [
        (name, parameter)
        for name, command in _commands(typer.main.get_command(app))
        for parameter in command.params
        if not getattr(parameter, "hidden", False)
    ]


def _commands(group: Any, before: str = "") -> Iterator[tuple[str, Any]]:
    """Those of groups too: `keys new`."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, f"{before}{name} ")
        else:
            yield f"{before}{name}", command


@pytest.mark.parametrize(("command", "parameter"), _parameters(), ids=lambda part: getattr(part, "name", part))
def test_options_are_documented_and_explained(command: str, parameter: Any) -> None:
    section = OPERATIONS.split("\n## Command line\n")[1].split("\n## ")[0]
    rows = re.split(r"^\| `nettailor ", section, flags=re.MULTILINE)
    (row,) = [row for row in rows if re.match(rf"{command}\b", row)]
    shown = parameter.opts[0] if parameter.param_type_name == "option" else getattr(parameter, "metavar", None)
    assert shown
    assert shown in row
    assert getattr(parameter, "help", None)


@pytest.mark.parametrize("page", _PAGES, ids=lambda page: page.name)
def test_links_within_the_repository_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text())
    assert not [link for link in links if "://" not in link and not (page.parent / link).exists()]


@pytest.mark.parametrize("page", _PAGES, ids=lambda page: page.name)
def test_source_files_that_the_docs_name_exist(page: Path) -> None:
    rooms = "nettailor|registry|trainer|server|hosting|client|cli|deploy|benchmarks|tests"
    named = set(re.findall(rf"`((?:{rooms})/[\w/]+\.\w+)`", page.read_text())) - {_OPERATORS_OWN}
    assert not [name for name in sorted(named) if not (ROOT / name).exists()]


@pytest.mark.parametrize("page", _PAGES, ids=lambda page: page.name)
def test_tables_end(page: Path) -> None:
    """A line of text right below one is its next row, to GitHub and to all else that shows Markdown."""
    lines = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL).splitlines()
    below = [after for row, after in pairwise(lines) if row.startswith("|") and not after.startswith("|")]
    assert not [line for line in below if line.strip() and not line.startswith("<!--")]
