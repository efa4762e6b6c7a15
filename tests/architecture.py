"""The tables of docs/architecture.md: every folder and every file, with what its first line says.

`python -m tests.architecture` writes them.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.documented import ROOT

PAGE = ROOT / "docs" / "architecture.md"
PACKAGES = (
    "nettailor",
    "hosting",
    "registry",
    "trainer",
    "server",
    "cli",
    "deploy",
    "benchmarks",
    "client/nettailor_client",
)
_BEGIN, _END = "<!-- tables: begin -->\n", "<!-- tables: end -->\n"


def written(page: str) -> str:
    """The page with its tables as the code has it now."""
    before, rest = page.split(_BEGIN)
    return before + _BEGIN + "\n" + "\n".join(_tables()) + "\n" + _END + rest.split(_END)[1]


def _tables() -> Iterator[str]:
    for package in PACKAGES:
        yield f"### `{package}`\n"
        folders = sorted({path.parent for path in (ROOT / package).rglob("*.py")})
        for folder in folders:
            yield from _table(folder)


def _table(folder: Path) -> Iterator[str]:
    files = [path for path in sorted(folder.glob("*.py")) if path.name != "__init__.py"]
    name = folder.relative_to(ROOT).as_posix()
    if "/" in name:
        yield f"**`{name}/`** {_first_line(folder / '__init__.py')}\n"
    else:
        yield _first_line(folder / "__init__.py") + "\n"
    if files:
        yield "| file | what it holds |\n|---|---|"
        yield from (f"| `{path.name}` | {_first_line(path)} |" for path in files)
        yield ""


def _first_line(path: Path) -> str:
    """The first sentence of a module's docstring. Raises AssertionError where there is none."""
    text = ast.get_docstring(ast.parse(path.read_text()))
    assert text, f"{path} says nothing of itself"
    paragraph = " ".join(text.split("\n\n")[0].split())
    sentence = re.match(r".+?[.;](?= [A-Z])|.+", paragraph)
    assert sentence
    return sentence[0].replace("|", "\\|").rstrip(";")


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text()))
