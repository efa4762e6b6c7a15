"""The table of docs/open-inference.md: each of its lines names a test that is there."""

import ast
import re

import pytest

from tests.documented import ROOT

_PAGE = (ROOT / "docs/open-inference.md").read_text()
_ROWS = re.findall(r"^\| (.+) \| `([\w/.]+)::(\w+)` \|$", _PAGE.split("\n## Conformance\n")[1], re.MULTILINE)


def test_every_line_names_a_test() -> None:
    lines = [line for line in _PAGE.split("\n## Conformance\n")[1].splitlines() if line.startswith("| ")]
    assert len(_ROWS) == len(lines) - 1  # the first one is the heading
    assert len({what for what, *_ in _ROWS}) == len(_ROWS)


@pytest.mark.parametrize(("path", "test"), [(path, test) for _, path, test in _ROWS])
def test_the_tests_are_there(path: str, test: str) -> None:
    tree = ast.parse((ROOT / path).read_text())
    assert test in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
