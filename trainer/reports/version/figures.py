"""What all pictures share: size, colours, and how a name is kept short."""

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, ORANGE, GREEN, RED, GREY = "#2f6db5", "#d9822b", "#2e8b57", "#c23b3b", "#8a8f98"
_DPI = 110


def figure(width: float, height: float) -> "Figure":
    """An empty figure, inches. Not made by pyplot, whose global state would bind it to one thread."""
    from matplotlib.figure import Figure  # takes a second, so only where something is drawn

    return Figure(figsize=(width, height), layout="constrained")


def png(drawn: "Figure") -> bytes:
    buffer = io.BytesIO()
    drawn.savefig(buffer, format="png", dpi=_DPI)
    return buffer.getvalue()


def plain(axes: "Axes") -> None:
    """Remove the frame's upper and right lines and draw a faint grid."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="#e4e6ea", linewidth=0.8)
    axes.set_axisbelow(True)


def short(name: str, characters: int = 18) -> str:
    """A class name for a label; `$` would begin a formula."""
    cut = name if len(name) <= characters else f"{name[: characters - 1]}…"
    return "".join(c if c.isprintable() else "?" for c in cut).replace("$", r"\$")
