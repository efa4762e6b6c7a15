"""How far a batch is: a live bar on a terminal, else a line now and then."""

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from cli.render.progress import AWAY

_LINE_SECONDS = 10.0


class BatchBar:
    """A context manager. `wait` may be called from any thread."""

    def __init__(self, total: int, done: int, console: Console, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._total, self._before, self._done, self._failed = total, done, done, 0
        self._console, self._clock = console, clock
        self._began_at = self._said_at = clock()
        self._progress = Progress(
            TextColumn("{task.description}", style="bold", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[figures]}", markup=False),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}", style="cyan", markup=False),
            console=console,
            disable=not console.is_terminal,
        )
        self._bar = self._progress.add_task("predicting", total=total, completed=done, figures="", note="")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._progress.stop()

    @property
    def per_second(self) -> float:
        """Images of this run."""
        return (self._done - self._before) / max(self._clock() - self._began_at, 1e-9)

    def advance(self, *, failed: bool) -> None:
        self._done, self._failed = self._done + 1, self._failed + failed
        self._progress.update(self._bar, completed=self._done, figures=self._figures(), note="")
        if not self._console.is_terminal and self._clock() - self._said_at >= _LINE_SECONDS:
            self._say(f"predicted {self._done:,} of {self._total:,} images, {self._figures()}")

    def wait(self) -> None:
        """The service is away or overloaded."""
        self._progress.update(self._bar, note=AWAY)
        if not self._console.is_terminal and self._clock() - self._said_at >= _LINE_SECONDS:
            self._say(AWAY)

    def _figures(self) -> str:
        failed = f", {self._failed:,} failed" if self._failed else ""
        return f"{self.per_second:.1f} images/s{failed}"

    def _say(self, line: str) -> None:
        self._said_at = self._clock()
        self._console.print(line)
