"""Where commands print: what others named is shown as it is, and can neither style nor forge anything."""

from collections.abc import Iterator
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from nettailor.printable import printable_lines


class PlainConsole(Console):
    """Text is no markup: `[f]` stays `[f]`, `:cat:` stays `:cat:`, and control characters are written out.

    Newlines remain, because messages have lines: a name in a message goes through `printable`. Colours come from styles
    (`print(text, style="bold")`, `Text.assemble`).
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(markup=False, emoji=False, **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterator[Segment]:
        for segment in super().render(renderable, options):
            # A control segment is the console's own: it moves the cursor of a live bar.
            yield segment if segment.control else segment._replace(text=printable_lines(segment.text))
