"""What a terminal of 160 columns shows."""

import io

from rich.console import Console, RenderableType


def shown(*renderables: RenderableType) -> str:
    written = io.StringIO()
    Console(width=160, file=written).print(*renderables)
    return written.getvalue()
