"""What others named reaches the terminal as it is: no markup, no picture, no control character."""

import io
import re

import pytest
from rich.progress import Progress, TextColumn
from rich.text import Text

from cli.console import PlainConsole
from tests.documented import ROOT


def _printed(*objects: object, **options: object) -> str:
    written = io.StringIO()
    PlainConsole(file=written, width=100, **options).print(*objects)
    return written.getvalue()


@pytest.mark.parametrize("name", ["[f]", "[/x]", "[bold]", "[link=http://x]y[/link]", ":cat:", "\\[f]", "a[red]"])
def test_text_is_no_markup(name: str) -> None:
    assert _printed(f"class {name}") == f"class {name}\n"


@pytest.mark.parametrize("wrap", [str, Text], ids=["text", "rich text"])
def test_control_characters_are_written_out(wrap: type) -> None:
    assert _printed(wrap("a\x1b[2J\x9b1A\u202eb")) == "a\\x1b[2J\\x9b1A\\u202eb\n"
    assert _printed(wrap("caf\udce9")).encode() == b"caf\\xe9\n"


def test_lines_and_styles_of_our_own_stay() -> None:
    assert _printed("two\nlines") == "two\nlines\n"
    assert "\x1b[31m" in _printed(Text("red", style="red"), force_terminal=True, color_system="standard")


def test_a_live_bar_still_moves_the_cursor() -> None:
    written = io.StringIO()
    console = PlainConsole(file=written, width=60, force_terminal=True)
    with Progress(TextColumn("{task.description}", markup=False), console=console) as bars:
        bars.add_task("[/x]\x1b[9A")
        bars.add_task("second")
        bars.refresh()
    assert "\x1b[1A" in written.getvalue()
    assert "[/x]\\x1" in written.getvalue()
    assert "\x1b[9A" not in written.getvalue()


def test_nothing_is_printed_past_this_console() -> None:
    """Markup is escaped nowhere, since nothing interprets it."""
    sources = {path: path.read_text() for path in (ROOT / "cli").rglob("*.py") if path.name != "console.py"}
    strays = [str(path) for path, text in sources.items() if re.search(r"(?<!Plain)Console\(|rich\.markup", text)]
    assert not strays
    columns = [found for text in sources.values() for found in re.findall(r"TextColumn\([^)]*\)", text)]
    assert columns
    assert all("markup=False" in column for column in columns)
