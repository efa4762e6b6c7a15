"""What the registry shows on the front page."""

from functools import partial

from hosting.access.pages.home import Anchor, Cell, Section, Table, Tasks
from nettailor.accuracy import in_words
from registry.http.route_declarations import READ_REPORT
from registry.journal.index import TaskState
from registry.registry import LIVE, Registry
from registry.versions.attachments import REPORT

_MOST_TASKS = 200
_NOTE = "In brackets: 95% intervals. MACs: share of the whole backbone's."
_NUMBERS = frozenset({"live version", "test accuracy", "MACs", "newest version"})


def task_table(registry: Registry) -> Section:
    return partial(_tasks, registry)


def _tasks(registry: Registry, seen: Tasks) -> Table:
    found = [state for state in registry.tasks() if seen is None or state.task in seen]
    more = len(found) - _MOST_TASKS
    return Table(
        title="Tasks",
        columns=("task", "live version", "test accuracy", "MACs", "newest version", "other aliases", "how it was made"),
        numbers=_NUMBERS,
        rows=[_row(registry, state) for state in found[:_MOST_TASKS]],
        empty="No task yet: `nettailor tailor FOLDER --task NAME` makes one of a folder of images.",
        note=f"{more} more: GET /tasks has all." if more > 0 else _NOTE,
    )


def _row(registry: Registry, state: TaskState) -> list[Cell]:
    others = ", ".join(f"{alias}: {number}" for alias, number in sorted(state.aliases.items()) if alias != LIVE)
    live = state.aliases.get(LIVE)
    if state.unread is not None:
        return [state.task, live, None, None, state.latest, others, "a record of this task cannot be read"]
    if live is None:
        return [state.task, None, None, None, state.latest, others, None]
    record = registry.version_record(state.task, live)
    accuracy = record.manifest.metrics.student.test
    report = READ_REPORT.path.format(task=state.task, version=live)
    return [
        state.task,
        live,
        None if accuracy is None else in_words(accuracy, record.manifest.test_images),
        f"{1 - record.manifest.complexity.net_macs_removed:.0%}",
        state.latest,
        others,
        Anchor(text=f"report on version {live}", path=report) if REPORT in record.attachments else None,
    ]
