"""Live bars: for jobs, fed by their server-sent events, and for whatever can be counted."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console, RenderableType
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from nettailor.accuracy import in_words
from nettailor.printable import printable
from nettailor_client.answers.jobs import Event, Job, is_final
from nettailor_client.request import Json

QUEUED = "queued"
AWAY = "waiting for the service"
_SHOWN_SHARE = 0.005  # of a job: what would be printed as 0% says nothing


def reason(job: Job) -> str | None:
    """Why it did not succeed, in a sentence."""
    problem = job.error
    return None if problem is None else str(problem.get("detail") or problem.get("title"))


class _BarsAndNotes(Progress):
    """Bars, and below them lines for each task that has figures or a note."""

    def get_renderables(self) -> Iterator[RenderableType]:
        yield from super().get_renderables()
        for task in self.tasks:
            for line in (task.fields.get("figures"), task.fields.get("note")):
                if line:
                    yield Text(line, style="dim", overflow="ellipsis", no_wrap=True)


class JobBars:
    """One bar a task, and lines with its figures and its best candidate so far. Without a terminal, one line whenever a
    stage begins, one for each tenth of the job and one for each candidate instead."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bars: dict[str, TaskID] = {}
        self._stages: dict[str, str] = {}
        self._places: dict[str, str] = {}
        self._tenths: dict[str, int] = {}  # of a job, that were printed
        self._candidates: dict[str, dict[Any, Json]] = {}  # by task, then by blocks removed
        self._progress = _BarsAndNotes(
            TextColumn("{task.description}", style="bold", markup=False),
            BarColumn(bar_width=24),
            TaskProgressColumn(),
            TextColumn("{task.fields[stage]}", style="cyan", markup=False),
            TextColumn("{task.fields[left]}", markup=False),
            console=console,
            disable=not console.is_terminal,
        )

    def __enter__(self) -> "JobBars":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def add(self, task: str) -> None:
        empty: dict[str, Any] = {"left": "", "figures": "", "note": ""}
        self._bars[task] = self._progress.add_task(printable(task), total=1.0, stage=QUEUED, **empty)

    def is_queued(self, task: str) -> bool:
        return self._stages.get(task, QUEUED) == QUEUED

    def show_place(self, task: str, text: str) -> None:
        """Where a queued job stands."""
        if text and not self._console.is_terminal and text != self._places.get(task):
            self._console.print(printable(f"{task}: {QUEUED}, {text}"))
        self._places[task] = text
        self._progress.update(self._bars[task], figures=printable(f"{task}: {text}") if text else "")

    def wait(self, task: str) -> None:
        """The service does not answer; its next event says how far the job is."""
        self._show_stage(task, AWAY, AWAY)

    def update(self, task: str, event: Event) -> None:
        texts: dict[str, Any] = {}
        stage = printable(event.stage)
        if event.state is not None and is_final(event.state):
            stage, texts = event.state, {"left": "", "figures": "", "note": ""}
        elif event.state == QUEUED:
            stage = QUEUED
        elif event.fields.get("expected_seconds"):
            self._console.print(printable(f"{task}: {event.fields['message']}"))
        elif event.kind == "epoch":
            texts["figures"] = printable(f"{task}: {figures(event.fields)}")
        elif event.kind == "candidate":
            texts["note"] = self._note(task, event.fields)
        if event.state is not None:
            self._show_stage(task, stage, stage)
        elif stage:
            texts["left"] = time_left(event.fields)
            self._show_stage(task, stage, how_far(stage, event), int(10 * event.progress))
        self._progress.update(self._bars[task], completed=event.progress, **texts)

    def _note(self, task: str, fields: Json) -> str:
        """What to say of the best candidate so far. Without a terminal the new one is printed, unless it was before: a
        job that goes on after a break tells of its candidates again."""
        known = self._candidates.setdefault(task, {})
        if fields.get("k") not in known and not self._console.is_terminal:
            self._console.print(printable(f"{task}: {candidate(fields)}"))
        known[fields.get("k")] = fields
        best = known.get(fields.get("best"))
        return "" if best is None else printable(f"{task}, best so far: {candidate(best)}")

    def _show_stage(self, task: str, stage: str, line: str, tenth: int = 0) -> None:
        """`line` is what is printed without a terminal, where the stage is another one or a `tenth` more is done."""
        begins = stage != self._stages.get(task, QUEUED)
        if (begins or tenth > self._tenths.get(task, 0)) and not self._console.is_terminal:
            self._console.print(printable(f"{task}: {line}"))
        self._stages[task] = stage
        self._tenths[task] = max(tenth, self._tenths.get(task, 0))
        begun: dict[str, Any] = {"figures": ""} if begins else {}
        self._progress.update(self._bars[task], stage=stage, **begun)


def how_far(stage: str, event: Event) -> str:
    """A stage with the share of the job that is done, once some is, and the time that is left, where it is known."""
    share = "" if event.progress < _SHOWN_SHARE else f"{event.progress:.0%}"
    return ", ".join(part for part in (stage, share, time_left(event.fields)) if part)


def time_left(fields: Json) -> str:
    seconds = fields.get("seconds_left")
    return "" if seconds is None else f"{duration(seconds)} left"


def figures(fields: Json) -> str:
    """The figures of an epoch event in one line: epoch, loss, accuracy; what is missing is left out."""
    parts = []
    if fields.get("epoch") is not None:
        parts.append(f"epoch {fields['epoch']}" + (f"/{fields['epochs']}" if fields.get("epochs") else ""))
    if fields.get("loss") is not None:
        parts.append(f"loss {fields['loss']:.3f}")
    if fields.get("accuracy") is not None:
        parts.append(f"accuracy {in_words(fields['accuracy'], fields.get('validated_on'))}")
    return "  ".join(parts)


def best_so_far(job: Job) -> Json | None:
    """The row of a job's front that would be published now, if there is one."""
    return next((row for row in job.front if row.get("best")), None)


def candidate(fields: Json) -> str:
    """A candidate in one line: blocks removed, or the learning rate of a method that removes none; accuracy beside that
    of the teacher or the features; size against the backbone. What is missing is left out."""
    parts, other = [f"{fields.get('k')} blocks removed"], "teacher"
    if "rate" in fields:
        parts, other = ["untrained" if fields["rate"] is None else f"learning rate {fields['rate']:g}"], "features"
    if fields.get("accuracy") is not None:
        images, held_against = fields.get("validated_on"), fields.get("teacher_accuracy")
        beside = "" if held_against is None else f" ({other} {in_words(held_against, images)})"
        parts.append(f"accuracy {in_words(fields['accuracy'], images)}{beside}")
    if fields.get("params_removed") is not None and fields.get("macs_removed") is not None:
        parts.append(f"parameters {-fields['params_removed']:+.0%}, MACs {-fields['macs_removed']:+.0%}")
    return ", ".join(parts)


def duration(seconds: float) -> str:
    """Whole seconds as m:ss, or h:mm:ss."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


@contextmanager
def counting(what: str, console: Console) -> Iterator[Callable[[int, int | None], None]]:
    """A bar, moved by calling what this yields with how many are done of how many (None: nobody knows). Shown on a
    terminal only."""
    described = TextColumn("{task.description}", style="bold", markup=False)
    columns = (described, BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bars:
        bar = bars.add_task(what, total=None)
        yield lambda done, total: bars.update(bar, completed=done, total=total)
