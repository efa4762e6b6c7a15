"""The tables of docs/datasets.md: every layout and every container that is read.

`python -m tests.layouts` writes them.
"""

from collections.abc import Iterable, Sequence

from tests.documented import ROOT
from trainer.intake.containers.registry import CONTAINERS
from trainer.intake.layouts.registry import LAYOUTS

PAGE = ROOT / "docs" / "datasets.md"


def written(page: str) -> str:
    """The page with its tables as the code has them now."""
    layouts = [(layout.name, layout.seen_from, layout.reads) for layout in LAYOUTS]
    containers = [(each.name, _files(each.suffixes), each.seen_from, each.reads) for each in CONTAINERS]
    page = _between(page, "layouts", _table(("layout", "seen from", "what is read"), layouts))
    return _between(page, "containers", _table(("container", "files", "seen from", "what is read"), containers))


def _files(suffixes: Iterable[str]) -> str:
    return ", ".join(f"`{suffix}`" for suffix in suffixes)


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def _between(page: str, name: str, text: str) -> str:
    begin, end = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->\n"
    before, rest = page.split(begin)
    return before + begin + text + end + rest.split(end)[1]


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text()))
