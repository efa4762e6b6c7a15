"""Each printed command is run by the nightly test of the first hour, or a reason is given why not."""

import re

from tests.documented import ROOT
from tests.first_hour.commands import INSTEAD, NOT_RUN, commands

ALL = list(commands())


def test_what_is_said_of_commands_is_said_of_ones_that_are_printed() -> None:
    printed = {command.text for command in ALL}
    assert set(INSTEAD) <= printed
    assert not [begin for begin in NOT_RUN if not any(text.startswith(begin) for text in printed)]


def test_what_is_tested_elsewhere_is() -> None:
    named = [name for reason in NOT_RUN.values() for name in re.findall(r"tests/[\w/.]+", reason)]
    assert not [name for name in named if not (ROOT / name).exists()]


def test_most_are_run() -> None:
    run = [command for command in ALL if command.why_not is None]
    assert len(run) >= 30
    assert {command.page for command in run} >= {"README.md", "docs/export.md", "docs/open-inference.md"}
